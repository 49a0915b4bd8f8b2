import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Commands } from '../../../../src/cli/completion/command-tree.js';
import { complete, type Names } from '../../../../src/cli/completion/complete.js';
import { readCobraCompletion } from '../../../../src/cli/completion/run-docker-completion.js';

const names: Names = {
  machines: async () => ['db', 'node1', 'node2'],
  clusters: async () => ['default', 'prod'],
  drivers: async () => ['generic', 'nspawn'],
  services: async () => ['web', 'db'],
  docker: async (own, words) => ({
    candidates: new Map([[`${own.join(' ')} > ${words.join(' ')}`, '']]),
    files: false,
  }),
};

const flag = (name: string, more: object = {}) => ({ [name]: { name, type: 'boolean' as const, ...more } });
const option = (name: string, more: object = {}) => flag(name, { type: 'option', ...more });
const command = (summary: string, args: readonly string[] = [], flags = {}) => ({
  summary,
  args: Object.fromEntries(args.map((name) => [name, { name }])),
  flags: {
    ...flag('json', { helpGroup: 'GLOBAL' }),
    ...option('cluster', { helpGroup: 'GLOBAL' }),
    ...flags,
  },
});

const commands: Commands = {
  commands: {
    ls: command('list'),
    rm: command('destroy', ['nodes'], {
      ...flag('force', { char: 'f', summary: 'all the same' }),
      ...option('tls-ca-key', { helpValue: 'FILE' }),
      ...option('virtualbox-ui-type', { helpValue: 'headless|gui|separate' }),
      ...flag('secret', { hidden: true }),
    }),
    create: command('make', ['size', 'nodes'], option('driver', { char: 'd', helpValue: 'DRIVER' })),
    resize: command('size', ['size', 'nodes']),
    scp: command('copy', ['source', 'target']),
    use: command('choose', ['cluster']),
    docker: command('docker', [], option('host', { helpValue: 'NODES' })),
    exec: command('run'),
    logs: command('logs', ['task']),
    status: command('state', ['node'], option('wait', { helpValue: 'STATE=N' })),
    ssh: command('log in'),
    plugins: command('list drivers'),
    'plugins:install': command('install', ['package']),
    'swarm:join': command(
      'join',
      ['manager', 'nodes'],
      option('availability', { options: ['active', 'drain'] }),
    ),
    'swarm:ca:rotate': command('rotate'),
    'swarm:hidden': { ...command('hidden'), hidden: true },
  },
};

async function candidatesFor(typed: string): Promise<string[]> {
  const { candidates, files } = await complete(typed.split(' '), commands, names);
  return [...candidates.keys(), ...(files ? [':files'] : [])];
}

describe('completion', () => {
  test.each([
    ['r', 'rm resize'],
    ['swarm ', 'join ca'],
    ['swarm c', 'ca'],
    ['swarm ca ', 'rotate'],
    ['plugins ', 'install'],
    ['nosuch ', ''],
    ['rm ', 'db node1 node2'],
    ['rm -f n', 'node1 node2'],
    ['rm node[1:2] !n', '!node1 !node2'],
    ['rm node1 ', 'db node2'],
    ['rm --f', '--force'],
    ['rm --s', ''],
    ['rm -- --f', ''],
    ['rm -- n', 'node1 node2'],
    ['rm --virtualbox-ui-type ', 'headless gui separate'],
    ['rm --virtualbox-ui-type=g', '--virtualbox-ui-type=gui'],
    ['rm --tls-ca-key ', ':files'],
    ['rm --tls-ca-key=', ':files'],
    ['--cl', '--cluster'],
    ['--cluster ', 'default prod'],
    ['--ho', '--host'],
    ['--host ', 'db node1 node2'],
    ['--host=n', '--host=node1 --host=node2'],
    ['logs ', 'web db'],
    ['logs web ', ''],
    ['status --wait r', 'running='],
    ['status --wait act', 'active='],
    ['docker ', 'docker > '],
    ['docker service l', 'docker > service l'],
    ['docker ps --fil', 'docker > ps --fil'],
    ['docker --host ', 'db node1 node2'],
    ['docker --ho', '--host'],
    ['docker --host node1 p', 'docker --host node1 > p'],
    ['--cluster prod --host node1 docker p', '--cluster prod --host node1 docker > p'],
    ['--cluster p', 'prod'],
    ['--cluster prod rm n', 'node1 node2'],
    ['rm --cluster=', '--cluster=default --cluster=prod'],
    ['create -d ', 'generic nspawn'],
    ['create --driver ns', 'nspawn'],
    ['create 512mb ', ''],
    ['resize ', ''],
    ['resize 1gb n', 'node1 node2'],
    ['scp n', 'node1: node2: :files'],
    ['use ', 'default prod'],
    ['use prod ', ''],
    ['swarm join node1 ', 'db node2'],
    ['swarm join --availability ', 'active drain'],
    ['swarm join --availability drain n', 'node1 node2'],
    ['docker --host n', 'node1 node2'],
    ['docker ps --', 'docker > ps --'],
    ['ssh n', 'node1 node2'],
    ['ssh node1 ', ''],
    ['exec node1 ', 'db node2'],
    ['exec node1 -- ', ''],
  ])('completing "%s" offers "%s"', async (typed, expected) => {
    expect((await candidatesFor(typed)).join(' ')).toBe(expected);
  });

  test('property: every candidate begins with the typed word', async () => {
    const words = fc.constantFrom(
      'rm',
      'swarm',
      'join',
      '--cluster',
      '-d',
      'create',
      '--',
      '',
      'n',
      '--host=',
      '-',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 6 }), async (line) => {
        const { candidates } = await complete(line, commands, names);
        for (const value of candidates.keys()) expect(value.startsWith(line.at(-1) ?? '')).toBe(true);
      }),
    );
  });
});

describe("docker's completion", () => {
  const read = (output: string) => {
    const { candidates, files } = readCobraCompletion(output);
    return [[...candidates], files];
  };

  test('candidates have summaries, and the directive decides about files', () => {
    expect(read('ps\tList containers\npull\n:4\n')).toEqual([
      [
        ['ps', 'List containers'],
        ['pull', ''],
      ],
      false,
    ]);
    expect(read(':0\n')).toEqual([[], true]);
  });

  test('an error or the output of another program yields no candidates', () => {
    expect(read('ps\n:1\n')).toEqual([[], false]);
    expect(read('')).toEqual([[], false]);
    expect(read('unknown command\n')).toEqual([[], false]);
  });
});
