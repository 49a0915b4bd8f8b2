import { formatBytes } from '../../machines/views/image-tables.js';

interface BackupView {
  node: string;
  file?: string;
  bytes: number;
  downtimeSeconds: number;
}

export function backupText({ node, file = 'stdout', bytes, downtimeSeconds }: BackupView): string {
  return `Backed up the swarm from ${node} into ${file} (${formatBytes(bytes)}); its engine was down for ${downtimeSeconds} s.`;
}

interface RestoreView {
  node: string;
  swarmId: string;
  keptFolder?: string;
  others: readonly { name: string; role: string }[];
}

/** @param told whether the person is to be told how the other nodes come back */
export function restoredText(
  { node, swarmId, keptFolder, others }: RestoreView,
  { told }: { told: boolean },
): string {
  const lines = [`Swarm ${swarmId} is back: ${node} is its only manager.`];
  if (keptFolder !== undefined) lines.push(`What ${node} had of a swarm before is in ${keptFolder}.`);
  if (told && others.length > 0) {
    const names = others.map(({ name, role }) => `${name} (${role})`).join(', ');
    lines.push(`Its other nodes were ${names}. To bring back those that are there still: belt swarm recover`);
  }
  return lines.join('\n');
}

interface PlanView {
  swarmId: string;
  manager: { name: string };
  begun: boolean;
  managers: readonly { name: string; position: { commit: number; term: number; index: number } }[];
  returning: readonly { machine: { name: string }; role: string }[];
  lost: readonly { name: string; reason: string }[];
}

/** What is going to happen, for the question. */
export function planText({ swarmId, manager, begun, managers, returning, lost }: PlanView): string {
  const lines = begun
    ? [`Swarm ${swarmId} has begun anew on ${manager.name}; what is left is to bring other nodes back.`]
    : [
        `Swarm ${swarmId} has lost its quorum. Managers that are left, and how far the log of each goes:`,
        ...managers.map(
          ({ name, position: { commit, term, index } }) =>
            `  ${name}: decided up to entry ${commit}; last entry ${index}, term ${term}`,
        ),
        `It begins anew on ${manager.name}. What only lost managers knew is lost.`,
      ];
  for (const role of ['manager', 'worker']) {
    const names = returning.flatMap(({ machine, role: its }) => (its === role ? [machine.name] : []));
    if (names.length > 0) lines.push(`To be ${role}s again: ${names.join(', ')}`);
  }
  if (lost.length > 0) {
    lines.push('Not to be reached, and out of the swarm if they were managers of it:');
    for (const { name, reason } of lost) lines.push(`  ${name}: ${reason}`);
    lines.push(
      'If enough of them can be started, do that instead. If any comes back later, it must not as it is: let it leave first, or remove it.',
    );
  }
  return lines.join('\n');
}

interface RecoveredView {
  manager: string;
  keptFolder?: string;
  returned: { ok: readonly { name: string; role: string; byItself: boolean }[] };
  removed: readonly string[];
}

export function recoveredText({ manager, keptFolder, returned, removed }: RecoveredView): string {
  const lines = [`The swarm is back, with ${manager} as a manager.`];
  if (keptFolder !== undefined)
    lines.push(`Its state as it was before is in ${keptFolder} on ${manager}: remove it when all is well.`);
  for (const { name, role, byItself } of returned.ok)
    lines.push(byItself ? `${name} is a ${role} of it.` : `${name} has joined it again as a ${role}.`);
  if (removed.length > 0) lines.push(`Removed entries of nodes that are gone: ${removed.join(', ')}`);
  return lines.join('\n');
}
