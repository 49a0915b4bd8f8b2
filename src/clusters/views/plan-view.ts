import { withoutName } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { foldNames } from '../../machines/model/fold-names.js';
import { joinLines, oneLine } from '../../ui/safe-text.js';
import { formatTable } from '../../ui/table.js';

interface DifferenceRow {
  what: string;
  key?: string;
  is?: string;
  wanted: string;
}

interface NodeDifferenceRow {
  name: string;
  group?: string;
  status: 'missing' | 'different' | 'extra';
  differences: readonly DifferenceRow[];
}

/** One line for all nodes with the same differences. Empty when the cluster matches. */
export function differenceTable(rows: readonly NodeDifferenceRow[]): string {
  if (rows.length === 0) return '';
  const alike = groupBy(rows, (row) => cellsOf(row).join('\n'));
  return formatTable(
    ['nodes', 'group', 'status', 'difference'],
    [...alike.values()].map((same) => [
      foldNames(same.map(({ name }) => name)).join(','),
      ...cellsOf(same[0] as NodeDifferenceRow),
    ]),
  );
}

function cellsOf({ group, status, differences }: NodeDifferenceRow): string[] {
  const text = status === 'extra' ? 'in no group' : differences.map(differenceText).join(', ');
  return [group ?? '-', status, text];
}

function differenceText({ what, key, is, wanted }: DifferenceRow): string {
  if (what === 'left-over node') return what;
  return `${what}${key === undefined ? '' : ` ${key}`}: ${is ?? 'none'} -> ${wanted}`;
}

/** @param engines at least one */
export function outdatedEnginesText(engines: readonly { name: string }[]): string {
  const names = foldNames(engines.map(({ name }) => name)).join(' ');
  const subject = engines.length === 1 ? 'the engine of' : 'the engines of';
  const verb = engines.length === 1 ? 'does' : 'do';
  return oneLine(`${subject} ${names} ${verb} not run what is recorded: belt provision ${names}`);
}

/** Counts the differences, and names the command that resolves them. */
export function planSummary(
  { differences: rows, fixed }: { differences: readonly NodeDifferenceRow[]; fixed: readonly unknown[] },
  { prune }: { prune: boolean },
): string {
  if (rows.length === 0)
    return fixed.length > 0
      ? 'No changes. The remaining differences cannot be changed.'
      : 'No changes. The cluster matches its groups.';
  const count = (status: NodeDifferenceRow['status']): number =>
    rows.filter((row) => row.status === status).length;
  const [missing, different, extra] = [count('missing'), count('different'), count('extra')];
  const counts = `${missing} missing, ${different} different, ${extra} extra`;
  const removal = extra > 0 && !prune ? ' (add --prune to remove extra machines and nodes)' : '';
  return `${counts}\nTry: belt cluster provision${removal}`;
}

/** Printed by a provision that had nothing to do. */
export function noChangeText({ fixed }: { fixed: readonly unknown[] }): string {
  return fixed.length > 0
    ? 'No changes. The remaining differences cannot be changed.'
    : 'No changes. The cluster matches its groups.';
}

interface StepRow {
  step: { does: string; name: string; role?: string; size?: string };
  outcome: { status: string };
}

/** What a stage has done: one line per kind of step, with its nodes. */
export function stageText(ends: readonly StepRow[]): string {
  const done = ends.filter(({ outcome }) => outcome.status === 'ok').map(({ step }) => step);
  const lines = [...groupBy(done, doneWord)].map(
    ([word, steps]) => `${word}: ${foldNames(steps.map(({ name }) => name)).join(', ')}`,
  );
  return joinLines(lines);
}

const doneWords: Readonly<Record<string, string>> = {
  create: 'Machines created',
  start: 'Machines started',
  forget: 'Stale nodes removed',
  await: 'Nodes ready again',
  init: 'Swarm initialized on',
  promote: 'Promoted',
  demote: 'Demoted',
  set: 'Availability and labels set',
  engine: 'Engines reconfigured',
  remove: 'Removed',
};

function doneWord({ does, role, size }: StepRow['step']): string {
  if (does === 'join') return `Joined as ${role === 'manager' ? 'managers' : 'workers'}`;
  if (does === 'resize') return `Resized to ${size}`;
  return doneWords[does] ?? does;
}

interface LeftRow {
  failed: readonly { step: { does: string; name: string }; error: string }[];
  left: readonly NodeDifferenceRow[];
}

/** The failed steps, and the differences that remain. */
export function failureList({ failed, left }: LeftRow): string {
  const lines = failed.map(
    ({ step, error }) => `${step.name}: ${step.does} failed: ${withoutName(step.name, error)}`,
  );
  const names = foldNames(left.map(({ name }) => name)).join(', ');
  return joinLines([...lines, `Still different: ${names}; rerun the command to continue`]);
}
