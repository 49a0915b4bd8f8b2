import type { Context } from '../../app/context.js';
import { whileSwarmClaimed } from '../../app/with-claim.js';
import { UserError } from '../../base/errors.js';
import { observe } from '../../machines/list-machines.js';
import { type NamedMember, named } from '../model/members.js';
import { isNodeReady } from '../model/swarm-node.js';
import { type RoleAndAvailability, remainingUpgrade } from '../model/upgrade-plan.js';
import type { Swarm } from '../session.js';
import { UpgradeRecord } from './upgrade-record.js';

/**
 * Brings what earlier runs have left on record up to date, with all nodes looked at: a node that is
 * what it was again is done with, however that came about, and what somebody has made of one since
 * is what it is to stay.
 */
export async function reviewRecord(record: UpgradeRecord, swarm: Swarm, context: Context): Promise<void> {
  if (record.unfinished.length === 0) return;
  const members = named(await swarm.members());
  await record.keep(members.map(({ node }) => node.id));
  const recorded = members.filter(({ node }) => record.of(node.id) !== undefined);
  const running = await runningAmong(recorded, context);
  for (const member of recorded) await reviewNode(member, running.has(member.name), record, context);
}

async function runningAmong(members: readonly NamedMember[], context: Context): Promise<Set<string>> {
  const machines = members.flatMap(({ machine }) => machine ?? []);
  const states = new Map(
    (await observe(machines, context)).map(({ machine, state }) => [machine.name, state]),
  );
  const runs = ({ machine }: NamedMember): boolean => states.get(machine?.name ?? '') === 'running';
  return new Set(members.filter(runs).map(({ name }) => name));
}

async function reviewNode(
  { node, name }: NamedMember,
  running: boolean,
  record: UpgradeRecord,
  { reporter }: Context,
): Promise<void> {
  const before = record.of(node.id) ?? node;
  const back = running && isNodeReady(node);
  const left = remainingUpgrade({ now: node, before, back });
  if (left === 'changed since')
    reporter.warn(
      `${name} was ${describeState(before)}, when an upgrade of it was cut short, and has been changed since: it stays ${describeState(node)}`,
    );
  if (left === 'all') return;
  // One that is off has still to be started.
  if (back) await record.finish(node.id);
  else await record.replace({ id: node.id, name }, node);
}

function describeState({ role, availability }: RoleAndAvailability): string {
  return `a ${role}, "${availability}"`;
}

/**
 * Forgets what nodes were before an upgrade: the upgrade has finished. While another belt
 * upgrades, the record is that one's.
 */
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
