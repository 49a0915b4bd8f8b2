import { mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { programInTerminal, type TerminalRun } from '../lab/terminal.js';

const shells: Record<string, string[]> = {
  bash: ['bash', '--norc', '-i'],
  zsh: ['zsh', '-f', '-i'],
};

/** What people type, and the answer that they want: the exit code and a part of the text. */
const answers: [typed: string, code: number, ...texts: string[]][] = [
  // Mistakes that would cost something
  ['belt create 512mb', 2, '"512mb" is a size, and no machine is named'],
  ['belt create -d none --url tcp://192.0.2.1 a b', 1, 'only one --url for 2 names: a, b'],
  ['belt create --digitalocean-region sgp1 node1', 2, 'Try: add -d digitalocean'],
  ['belt --cluster typo ls', 1, 'no cluster is called "typo"'],
  ['BELT_CLUSTER=defalt belt ls', 1, 'no cluster is called "defalt"', 'Did you mean "default"?'],
  ['belt --cluster typo stop --all', 1, 'no cluster is called "typo"'],
  ['belt rm alpha </dev/null', 1, 'nothing was removed'],
  // Help
  ['belt', 0, 'MACHINES', 'create    Create machines with Docker Engine installed'],
  ['belt help patterns', 0, 'node1 node2 node3 node4; node[1-4] is the same'],
  ['belt help exit-codes', 0, 'The command line is wrong'],
  // Names and sizes
  ['belt create node1 512mb', 2, 'Try: put it first: 512mb node1'],
  ['belt resize node1 1gb', 2, 'Try: belt resize 1gb node1'],
  ['belt create 512mbb node1', 2, '"512mbb"'],
  ['belt create huge.size node1', 2, '"huge.size" is neither a size'],
  ['belt ip node[1..4]', 2, 'Did you mean "node[1:4]"?'],
  ["belt ip 'node[1..4]'", 2, 'Did you mean "node[1:4]"?'],
  ["belt ip 'node(1:4)'", 2, 'Did you mean "node[1:4]"?'],
  ["belt ip 'node{1:4}'", 2, 'Did you mean "node[1:4]"?'],
  ['belt url alpha,beta', 2, 'Expected one machine name as an argument, not 2'],
  // Other tools' words, and typing mistakes
  ['belt delete alpha', 2, 'Try: belt rm alpha'],
  ['belt remove alpha', 2, 'Try: belt rm alpha'],
  ['belt destroy alpha', 2, 'Try: belt rm alpha'],
  ['belt list', 2, 'Try: belt ls'],
  ['belt ps', 2, 'Try: belt ls'],
  ['belt top', 2, 'Try: belt stats'],
  ['belt up alpha', 2, 'Try: belt start alpha'],
  ['belt down alpha', 2, 'Try: belt stop alpha'],
  ['belt shell alpha', 2, 'Try: belt ssh alpha'],
  ['belt info alpha', 2, 'Try: belt inspect alpha'],
  ['belt node ls', 2, 'Try: belt swarm ls'],
  ['belt machine ip alpha', 2, 'Try: belt ip alpha'],
  ['belt cluster create prod', 2, 'Try: belt cluster new prod'],
  ['belt cluster delete prod', 2, 'Try: belt cluster rm prod'],
  ['belt run nginx', 2, 'Try: belt docker run nginx'],
  ['belt stp alpha', 2, 'Try: belt stop alpha'],
  ['belt rmx alpha', 2, 'Try: belt rm alpha'],
  ['belt rstrat alpha', 2, 'Try: belt --help'],
  ['belt ls --jsno', 2, 'Did you mean "--json"?'],
  ['belt ip alhpa', 1, 'Docker machine "alhpa" does not exist', 'Did you mean "alpha"?'],
  [
    'belt ip alpha gamma delta',
    1,
    '"gamma" does not exist. Nor does "delta"',
    'Try: belt create gamma delta',
  ],
  ['belt ssh alpha,beta uptime', 1, 'Try: belt exec alpha,beta -- uptime'],
  ['belt exec --json -- true', 2, 'unknown flag: --json'],
  ['belt kill -f alpha', 1, 'cannot be killed'],
];

/** One shell session of 80 columns, with the machines alpha and beta. */
describe.runIf(canCreateMachines()).each(Object.keys(shells))('a person at %s', (shell) => {
  let belt: Belt;
  let terminal: TerminalRun;

  beforeAll(async () => {
    belt = await newBelt({ PS1: '> ' });
    const folder = join(belt.folder, 'bin');
    await mkdir(folder);
    await symlink(resolve('bin/run.js'), join(folder, 'belt'));
    belt.env['PATH'] = `${folder}:${belt.env['PATH']}`;
    for (const name of ['alpha', 'beta'])
      await belt.ok(['create', '-d', 'none', '--url', 'tcp://192.0.2.1:2376', name]);
    terminal = programInTerminal(belt, shells[shell] as string[], { columns: 80 });
    terminal.type('PS1="> "; eval "$(belt completion $0)"; echo is "ready"\r');
    await terminal.until(/^is ready$/m);
  });

  afterAll(async () => {
    terminal?.type('\x15exit\r');
    await terminal?.ended;
    await belt?.dispose();
  });

  test.each(answers.map((answer, index) => ({ typed: answer[0], answer, index })))(
    '$typed',
    async ({ answer: [typed, code, ...texts], index }) => {
      terminal.type(`${typed}; echo "[$?] answer ${index}"\r`);
      const end = new RegExp(`^\\[(\\d+)\\] answer ${index}$`, 'm');
      const screen = await terminal.until(end);
      const [output = ''] = screen.slice(screen.lastIndexOf(`[$?] answer ${index}`)).split(end);
      expect(Number(end.exec(screen)?.[1])).toBe(code);
      for (const text of texts) expect(withoutSpace(output)).toContain(withoutSpace(text));
    },
  );
});

/** The terminal breaks lines between any two letters. */
function withoutSpace(text: string): string {
  return text.replaceAll(/\s+/g, '');
}
