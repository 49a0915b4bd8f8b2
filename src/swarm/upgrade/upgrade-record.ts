import { join } from 'node:path';
import * as z from 'zod/mini';
import { readRecord, writeRecord } from '../../base/record-file.js';
import type { ClusterStore } from '../../state/cluster-store.js';
import type { RoleAndAvailability } from '../model/upgrade-plan.js';

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

/**
 * What nodes were before their upgrade began. It is on disk before the first change to a node and
 * until the last one, so that a run which was cut short anywhere is finished by the next.
 */
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

  /** Whose upgrade was begun and is not finished. */
  get unfinished(): readonly ({ id: string; name: string } & RoleAndAvailability)[] {
    return [...this.nodes.values()];
  }

  /** What the node was. */
  of(nodeId: string): RoleAndAvailability | undefined {
    return this.nodes.get(nodeId);
  }

  /** Writes down what a node is now, unless an earlier run has. */
  async begin(
    node: { id: string; name: string },
    { role, availability }: RoleAndAvailability,
  ): Promise<void> {
    if (!this.nodes.has(node.id)) await this.replace(node, { role, availability });
  }

  /** Writes down what a node is now, in place of what it was when an earlier run began. */
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

  /** Forgets nodes that are in the swarm no longer. */
  async keep(nodeIds: readonly string[]): Promise<void> {
    const gone = [...this.nodes.keys()].filter((id) => !nodeIds.includes(id));
    for (const id of gone) this.nodes.delete(id);
    if (gone.length > 0) await this.write();
  }

  /** Several nodes begin and end at the same time: the last state is to be written last. */
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
