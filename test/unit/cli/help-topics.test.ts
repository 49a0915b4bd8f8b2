import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exitCodes } from '../../../src/cli/exit-codes.js';
import { globalFlags, outputFlags } from '../../../src/cli/global-flags.js';
import { commandGroups, helpTopics } from '../../../src/cli/help-topics.js';

const commands = readdirSync(join(import.meta.dirname, '../../../src/commands')).map((file) =>
  file.replace(/\.ts$/, ''),
);

function rowsOf(topic: string): [string, string][] {
  return Object.values(helpTopics.get(topic)?.lists ?? {}).flat();
}

test('each command is in one group of the help', () => {
  expect(Object.values(commandGroups).flat().toSorted()).toEqual([...new Set(commands)].toSorted());
});

test('help options lists the flags that have a summary', () => {
  const flags = Object.entries({ ...globalFlags, ...outputFlags }).filter(([, flag]) => 'summary' in flag);
  const listed = rowsOf('options').map(([flag]) => /--([\w-]+)/.exec(flag)?.[1]);
  expect(listed.toSorted()).toEqual(flags.map(([name]) => name).toSorted());
});

test('help exit-codes lists all exit codes', () => {
  const listed = rowsOf('exit-codes').flatMap(([codes]) => codes.split(', ').map(Number));
  expect(listed.toSorted()).toEqual([...new Set([...Object.values(exitCodes), 129, 143])].toSorted());
});
