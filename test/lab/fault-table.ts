import { type Fault, faultKinds } from './record-fault.js';

interface FaultRow extends Required<Fault> {
  /** The test file, below the folder of the project. */
  file: string;
}

/**
 * Replaces the rows of the test files in `recorded`, which may have none, and keeps the text before
 * the tables and the rows of other files.
 */
export function updateTables(document: string, recorded: ReadonlyMap<string, readonly Fault[]>): string {
  const kept = readRows(document).filter(({ file }) => !recorded.has(file));
  const rows = [...kept, ...[...recorded].flatMap(([file, faults]) => rowsOf(file, faults))];
  const [introduction = ''] = document.split('\n## ');
  const tables = faultKinds.flatMap((kind) => {
    const lines = rows.filter((row) => row.kind === kind).map(lineOf);
    if (lines.length === 0) return [];
    return [
      '',
      `## ${kind}`,
      '',
      '| Fault | Tried | Lost | Test |',
      '| --- | --- | --- | --- |',
      ...lines.sort(),
    ];
  });
  return `${[introduction.trimEnd(), ...tables].join('\n')}\n`;
}

export function readRows(document: string): FaultRow[] {
  return faultKinds.flatMap((kind) => {
    const [, section = ''] = document.split(`## ${kind}\n`);
    const [table = ''] = section.split('\n## ');
    const lines = table.matchAll(/^\| (.+) \| (\d+) \| (.+) \| \[.+\]\(\.\.\/(.+)\) \|$/gm);
    return [...lines].map(([, fault = '', tried, lost = '', file = '']) => ({
      file,
      kind,
      fault,
      tried: Number(tried),
      lost,
    }));
  });
}

/** Adds up the same fault of several tests. */
function rowsOf(file: string, faults: readonly Fault[]): FaultRow[] {
  const rows = new Map<string, FaultRow>();
  for (const { kind, fault, tried = 1, lost = 'nothing' } of faults) {
    const before = rows.get(fault)?.tried ?? 0;
    rows.set(fault, { file, kind, fault, tried: before + tried, lost });
  }
  return [...rows.values()];
}

function lineOf({ fault, tried, lost, file }: FaultRow): string {
  const [name] = file.replace('test/', '').split('.test.');
  return `| ${fault} | ${tried} | ${lost} | [${name}](../${file}) |`;
}
