import { quoteArgs } from '../../base/quote-args.js';
import { foldNames } from '../../machines/model/fold-names.js';
import { formatBytes } from '../../machines/views/image-tables.js';
import { joinLines, oneLine } from '../../ui/safe-text.js';
import { capitalize } from '../../ui/table.js';

interface BackupView {
  node: string;
  file?: string;
  bytes: number;
  downtimeSeconds: number;
}

export function backupText({ node, file = 'stdout', bytes, downtimeSeconds }: BackupView): string {
  return joinLines([
    `Backed up the swarm from ${node} to ${file} (${formatBytes(bytes)}); its engine was stopped for ${downtimeSeconds} s.`,
  ]);
}

interface RestoreView {
  node: string;
  swarmId: string;
  keptFolder?: string;
  others: readonly { name: string; role: string }[];
}

/** @param hint whether to show how other nodes rejoin */
export function restoredText(
  { node, swarmId, keptFolder, others }: RestoreView,
  { hint }: { hint: boolean },
): string {
  const lines = [`Restored swarm ${swarmId}: ${node} is its only manager.`];
  if (keptFolder !== undefined) lines.push(`The previous swarm state of ${node} is in ${keptFolder}.`);
  if (hint && others.length > 0) {
    const names = others.map(({ name, role }) => `${name} (${role})`).join(', ');
    lines.push(`Its other nodes were ${names}. To rejoin those that still exist: belt swarm recover`);
  }
  return joinLines(lines);
}

interface PlanView {
  swarmId: string;
  manager: { name: string };
  isForced: boolean;
  moved?: string;
  managers: readonly { name: string; position: { commit: number; term: number; index: number } }[];
  returning: readonly { machine: { name: string }; role: string }[];
  lost: readonly { name: string; reason: string }[];
}

export function planText(plan: PlanView): string {
  const { returning, lost } = plan;
  const lines = introduction(plan);
  for (const role of ['manager', 'worker']) {
    const names = returning.flatMap(({ machine, role: its }) => (its === role ? [machine.name] : []));
    if (names.length > 0) lines.push(`Rejoining as ${role}s: ${names.join(', ')}`);
  }
  if (lost.length > 0) {
    lines.push('Unreachable, and removed from the swarm if they were managers:');
    for (const { name, reason } of lost) lines.push(`  ${name}: ${reason}`);
    lines.push('If enough of them can be started, start them instead.', capitalize(lostWarning(plan)));
  }
  return joinLines(lines);
}

/** A manager that was left behind still has the old swarm. @param lost at least one */
export function lostWarning({ lost }: Pick<PlanView, 'lost'>): string {
  const names = foldNames(lost.map(({ name }) => name)).join(',');
  return oneLine(
    `do not start a lost manager outside belt: it would run a second swarm with the same ID. Remove it: belt rm --force ${quoteArgs([names])}; or start it with belt, which makes it leave: belt start ${quoteArgs([names])}`,
  );
}

function introduction({ swarmId, manager, isForced, moved, managers }: PlanView): string[] {
  if (moved && isForced)
    return [`Swarm ${swarmId} works, but ${moved}.`, 'They leave and join again, one at a time.'];
  if (isForced)
    return [`Swarm ${swarmId} was recovered on ${manager.name}; the other nodes still have to rejoin.`];
  if (moved) {
    return [
      `Swarm ${swarmId} has one manager: ${moved}.`,
      `The swarm will be restarted on ${manager.name} with the new address. Nothing is lost.`,
    ];
  }
  return [
    `Swarm ${swarmId} has lost its quorum. Remaining managers and their Raft logs:`,
    ...managers.map(
      ({ name, position: { commit, term, index } }) =>
        `  ${name}: committed up to entry ${commit}; last entry ${index}, term ${term}`,
    ),
    `The swarm will be recovered on ${manager.name}. Changes that only lost managers know are lost.`,
  ];
}

interface RecoveredView {
  manager: string;
  keptFolder?: string;
  returned: { ok: readonly { name: string; role: string; reconnected: boolean }[] };
  removed: readonly string[];
}

export function recoveredText({ manager, keptFolder, returned, removed }: RecoveredView): string {
  const lines = [`Recovered the swarm on ${manager}.`];
  if (keptFolder !== undefined)
    lines.push(`Its previous state is in ${keptFolder} on ${manager}: remove it once the swarm works.`);
  for (const { name, role, reconnected } of returned.ok)
    lines.push(reconnected ? `${name} is back as a ${role}.` : `${name} rejoined as a ${role}.`);
  if (removed.length > 0) lines.push(`Removed stale entries from the swarm: ${removed.join(', ')}`);
  return joinLines(lines);
}
