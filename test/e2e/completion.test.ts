import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { programInTerminal, type TerminalRun } from '../lab/terminal.js';

const shells: Record<string, { program: string[]; setUp: string }> = {
  bash: { program: ['bash', '--norc', '-i'], setUp: 'eval "$(node $BELT completion bash)"' },
  zsh: {
    program: ['zsh', '-f', '-i'],
    setUp: 'autoload -U compinit; compinit -D -u; eval "$(node $BELT completion zsh)"',
  },
  fish: { program: ['fish', '--no-config', '-i'], setUp: 'node $BELT completion fish | source' },
};

/** Types into real shells at a terminal. */
describe.runIf(canCreateMachines()).each(Object.keys(shells))('completion in %s', (shell) => {
  let belt: Belt;
  let terminal: TerminalRun;

  beforeAll(async () => {
    belt = await newBelt({ BELT: `${process.cwd()}/bin/run.js`, PS1: '> ' });
    for (const name of ['alpha', 'beta'])
      await belt.ok(['create', '-d', 'none', '--url', 'tcp://192.0.2.1:2376', name]);
    const { program, setUp } = shells[shell] as (typeof shells)[string];
    terminal = programInTerminal(belt, program);
    terminal.type(`${setUp}; echo is "ready"\r`);
    await terminal.until(/^is ready$/m);
  });

  afterAll(async () => {
    terminal?.type('\x15exit\r');
    await terminal?.ended;
    await belt?.dispose();
  });

  test.each([
    ['belt swarm jo', 'belt swarm join '],
    ['belt ssh al', 'belt ssh alpha '],
    ['belt --cluster def', 'belt --cluster default '],
    ['belt --host al', 'belt --host alpha '],
    ['belt status --wait runn', 'belt status --wait running='],
    ['belt docker vol', 'belt docker volume '],
    ['belt create --driver=nsp', 'belt create --driver=nspawn'],
    ['belt scp be', 'belt scp beta:'],
    ['belt swarm backup /etc/debian_ver', 'belt swarm backup /etc/debian_version'],
  ])('%s', async (typed, expected) => {
    terminal.type(`\x15${typed}\t`);
    await terminal.until(new RegExp(`${expected.replaceAll(/[/.]/g, '\\$&').trimEnd()}(?!\\S)`));
    // The shell adds a space after a complete word.
    terminal.type('Z');
    await terminal.until(new RegExp(`${expected.replaceAll(/[/.]/g, '\\$&')} ?Z`));
    expect(terminal.screen()).not.toMatch(/command not found|error:/);
  });

  test('the shell shows all of several candidates', async () => {
    terminal.type('\x15belt ip \t\t');
    await terminal.until(/alpha\s+beta/);
  });
});
