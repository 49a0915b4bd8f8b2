import { groupBy } from '../../base/group-by.js';
import { foldNames } from '../../machines/model/fold-names.js';
import { formatTable } from '../../ui/table.js';
import { oneLine } from '../../ui/text-width.js';

/** One thing that is not as it is to be. */
export interface DifferenceRow {
  what: string;
  key?: string;
  is?: string;
  wanted: string;
}

/** What `cluster plan` shows of a node. */
export interface NodeDifferenceRow {
  name: string;
  group?: string;
  status: 'missing' | 'different' | 'extra';
  differences: readonly DifferenceRow[];
}

/** A line for all nodes on which the same is to be done. Empty when nothing is. */
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
  const text = status === 'extra' ? 'no group names it' : differences.map(differenceText).join(', ');
  return [group ?? '-', status, oneLine(text)];
}

function differenceText({ what, key, is, wanted }: DifferenceRow): string {
  if (what === 'left-over node') return what;
  return `${what}${key === undefined ? '' : ` ${key}`}: ${is ?? 'none'} -> ${wanted}`;
}

/** How much is to be done, and how. */
export function planSummary(
  { differences: rows, fixed }: { differences: readonly NodeDifferenceRow[]; fixed: readonly unknown[] },
  { prune }: { prune: boolean },
): string {
  if (rows.length === 0)
    return fixed.length > 0 ? 'no difference that can be changed' : 'no difference: all is as it is to be';
  const count = (status: NodeDifferenceRow['status']): number =>
    rows.filter((row) => row.status === status).length;
  const [missing, different, extra] = [count('missing'), count('different'), count('extra')];
  const counts = `${missing} missing, ${different} different, ${extra} extra`;
  const removal = extra > 0 && !prune ? ' (what is extra stays, unless --prune)' : '';
  return `${counts}; make it so: belt cluster provision${removal}`;
}

/** What a provision says that had nothing to do. */
export function noChangeText({ fixed }: { fixed: readonly unknown[] }): string {
  return fixed.length > 0
    ? 'no change: all is as it is to be, where it can be changed'
    : 'no change: all is as it is to be';
}

/** What was done to one node. */
export interface StepRow {
  step: { does: string; name: string; role?: string; size?: string };
  outcome: { status: string };
}

/** What a stage has done: a line for each thing, with the nodes that it was done to. */
export function stageText(ends: readonly StepRow[]): string {
  const done = ends.filter(({ outcome }) => outcome.status === 'ok').map(({ step }) => step);
  const lines = [...groupBy(done, doneWord)].map(
    ([word, steps]) => `${word}: ${foldNames(steps.map(({ name }) => name)).join(',')}`,
  );
  return lines.join('\n');
}

const doneWords: Readonly<Record<string, string>> = {
  create: 'machines made',
  start: 'machines started',
  forget: 'left-over nodes removed',
  await: 'nodes ready again',
  init: 'swarm begun on',
  promote: 'promoted',
  demote: 'demoted',
  set: 'availability and labels set',
  engine: 'engines set up anew',
  remove: 'removed',
};

function doneWord({ does, role, size }: StepRow['step']): string {
  if (does === 'join') return `joined as ${role === 'manager' ? 'managers' : 'workers'}`;
  if (does === 'resize') return `resized to ${size}`;
  return doneWords[does] ?? does;
}

export interface LeftRow {
  failed: readonly { step: { does: string; name: string }; error: string }[];
  left: readonly NodeDifferenceRow[];
}

/** What did not work, and what is still to be done. */
export function failureList({ failed, left }: LeftRow): string {
  const lines = failed.map(({ step, error }) => `${step.name}: ${step.does} failed: ${error}`);
  const names = foldNames(left.map(({ name }) => name)).join(',');
  return [...lines, `not as it is to be: ${names}; the same command goes on`].join('\n');
}
