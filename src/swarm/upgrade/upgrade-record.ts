import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Context } from '../../app/context.js';
import { whileSwarmClaimed } from '../../app/with-claim.js';
import { UserError } from '../../base/errors.js';
import { readRecord, writeRecord } from '../../base/record-file.js';
import { observe } from '../../machines/list-machines.js';
import type { ClusterStore } from '../../state/cluster-store.js';
import { type NamedMember, named } from '../model/members.js';
import { isNodeReady } from '../model/swarm-node.js';
import { type RoleAndAvailability, remainingUpgrade } from '../model/upgrade-plan.js';
import type { Swarm } from '../session.js';

const upgradeRecord = z.object({
  nodes: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      role: z.enum(['manager', 'worker']),
      availability: z.enum(['active', 'pause', 'drain']),
    }),
  ),
});

type NodeRecord = z.output<typeof upgradeRecord>['nodes'][number];

/** State from before the upgrade, kept on disk so that a later run can restore it. */
export class UpgradeRecord {
  private written: Promise<void> = Promise.resolve();

  private constructor(
    private readonly cluster: ClusterStore,
    private readonly nodes: Map<string, NodeRecord>,
  ) {}

  /** @throws UserError when the record is damaged */
  static async open(cluster: ClusterStore): Promise<UpgradeRecord> {
    const record = await readRecord(recordPath(cluster), upgradeRecord, 'the record of an upgrade');
    return new UpgradeRecord(cluster, new Map(record?.nodes.map((node) => [node.id, node])));
  }

  get unfinished(): readonly ({ id: string; name: string } & RoleAndAvailability)[] {
    return [...this.nodes.values()];
  }

  of(nodeId: string): RoleAndAvailability | undefined {
    return this.nodes.get(nodeId);
  }

  /** Keeps what an earlier run recorded. */
  async begin(
    node: { id: string; name: string },
    { role, availability }: RoleAndAvailability,
  ): Promise<void> {
    if (!this.nodes.has(node.id)) await this.replace(node, { role, availability });
  }

  async replace(
    { id, name }: { id: string; name: string },
    { role, availability }: RoleAndAvailability,
  ): Promise<void> {
    this.nodes.set(id, { id, name, role, availability: availability as NodeRecord['availability'] });
    await this.write();
  }

  async finish(nodeId: string): Promise<void> {
    if (this.nodes.delete(nodeId)) await this.write();
  }

  /** Drops all other nodes. */
  async keep(nodeIds: readonly string[]): Promise<void> {
    const removed = [...this.nodes.keys()].filter((id) => !nodeIds.includes(id));
    for (const id of removed) this.nodes.delete(id);
    if (removed.length > 0) await this.write();
  }

  /** Serialized: several nodes are upgraded at the same time. */
  private write(): Promise<void> {
    const { files } = this.cluster;
    const path = recordPath(this.cluster);
    this.written = this.written
      .catch(() => {})
      .then(() =>
        this.nodes.size === 0
          ? files.remove(path)
          : writeRecord(path, { nodes: [...this.nodes.values()] }, files),
      );
    return this.written;
  }
}

function recordPath({ folder }: ClusterStore): string {
  return join(folder, 'upgrade.json');
}

/** Drops nodes that are back in their previous state, and keeps later changes by users. */
export async function reviewRecord(record: UpgradeRecord, swarm: Swarm, context: Context): Promise<void> {
  if (record.unfinished.length === 0) return;
  const members = named(await swarm.members());
  await record.keep(members.map(({ node }) => node.id));
  const recorded = members.filter(({ node }) => record.of(node.id) !== undefined);
  const rows = await observe(
    recorded.flatMap(({ machine }) => machine ?? []),
    context,
  );
  const running = new Set(rows.filter(({ state }) => state === 'running').map(({ machine }) => machine.name));
  for (const member of recorded)
    await reviewNode(member, running.has(member.machine?.name ?? ''), record, context);
}

async function reviewNode(
  { node, name }: NamedMember,
  isRunning: boolean,
  record: UpgradeRecord,
  { reporter }: Context,
): Promise<void> {
  const before = record.of(node.id) ?? node;
  const back = isRunning && isNodeReady(node);
  const remaining = remainingUpgrade({ now: node, before, back });
  if (remaining === 'changed since') {
    reporter.warn(
      `${name} was ${describeState(before)} before an interrupted upgrade and has been changed since; it stays ${describeState(node)}`,
    );
  }
  if (remaining === 'all') return;
  if (back) await record.finish(node.id);
  else await record.replace({ id: node.id, name }, node);
}

function describeState({ role, availability }: RoleAndAvailability): string {
  return `a ${role} with availability "${availability}"`;
}

/** Skipped while another belt uses the record. */
export async function forgetUpgrades(nodeIds: readonly string[], context: Context): Promise<void> {
  const { unfinished } = await UpgradeRecord.open(context.cluster);
  if (!unfinished.some(({ id }) => nodeIds.includes(id))) return;
  const forget = async (): Promise<void> => {
    const record = await UpgradeRecord.open(context.cluster);
    for (const id of nodeIds) await record.finish(id);
  };
  await whileSwarmClaimed('upgraded', context, forget).catch((error) => {
    if (!(error instanceof UserError)) throw error;
  });
}
