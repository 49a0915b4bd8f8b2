import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '@oclif/core';
import { describe, expect, test } from 'vitest';
import { oldSwarmFlags } from '../../../src/cli/old-swarm-flags.js';

const folder = join(import.meta.dirname, '../../../src/commands');

/** What the command framework makes of the files: one command each. */
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);
const names = files.map((path) => path.slice(0, -'.ts'.length).replaceAll('/', ' ')).sort();

/** They hand their line to another program: the result is that program's. */
const passthrough = ['docker', 'exec', 'mount', 'scp', 'ssh'];

/** Examples of what a command is for: what to type after it. */
const nextSteps = ['docker --context belt-node1 ps', '<%= config.bin %> use docker-machine'];

/** docker-machine's flags that change nothing here, or are refused with a reason: they are known, and not shown. */
const unshownFlags = ['swarm', 'timeout', 'secret', ...Object.keys(oldSwarmFlags)];

async function load(name: string): Promise<typeof Command> {
  const module = (await import(join(folder, `${name.replaceAll(' ', '/')}.ts`))) as {
    default: typeof Command;
  };
  return module.default;
}

test('these are all commands', () => {
  expect(names).toEqual([
    'active',
    'certs rotate',
    'certs status',
    'cluster config',
    'cluster ls',
    'cluster new',
    'cluster plan',
    'cluster provision',
    'cluster rm',
    'cluster update',
    'completion',
    'config',
    'context create',
    'context ls',
    'context rm',
    'create',
    'demote',
    'docker',
    'doctor',
    'drain',
    'engine insecure',
    'engine local',
    'engine secure',
    'engine show',
    'env',
    'exec',
    'gc',
    'hostname',
    'image build',
    'image ls',
    'image rm',
    'import',
    'init',
    'inspect',
    'ip',
    'join',
    'kill',
    'logs',
    'ls',
    'mount',
    'plugins',
    'plugins install',
    'plugins link',
    'plugins uninstall',
    'promote',
    'provision',
    'regenerate-certs',
    'resize',
    'restart',
    'rm',
    'scp',
    'snapshot',
    'ssh',
    'start',
    'stats',
    'status',
    'stop',
    'swarm activate',
    'swarm backup',
    'swarm ca rotate',
    'swarm demote',
    'swarm drain',
    'swarm init',
    'swarm join',
    'swarm label',
    'swarm leave',
    'swarm lock',
    'swarm ls',
    'swarm pause',
    'swarm promote',
    'swarm recover',
    'swarm restore',
    'swarm rm',
    'swarm status',
    'swarm token',
    'swarm unlock',
    'swarm unlock-key',
    'swarm upgrade',
    'upgrade',
    'url',
    'use',
    'version',
  ]);
});

describe.each(names)('%s', (name) => {
  test('loads and says what it does, with an example of itself', async () => {
    const { summary = '', examples = [] } = await load(name);
    expect(summary).toMatch(/^[a-z].*[^.]$/);
    const lines = examples.map((example) => (typeof example === 'string' ? example : example.command));
    expect(lines.length).toBeGreaterThan(0);
    // `belt --host node2 docker info`: flags of belt's own may come before the command.
    const itself = new RegExp(`(^|\\$\\()<%= config\\.bin %> (--host \\S+ )?${name}\\b`);
    const [first, ...further] = lines;
    expect(first).toMatch(itself);
    for (const line of further) if (!nextSteps.includes(line)) expect(line).toMatch(itself);
  });

  test('can be called without the flags that it has a default for', async () => {
    const { flags = {} } = await load(name);
    const bound = Object.values(flags).filter((flag) => flag.dependsOn && flag.default !== undefined);
    expect(bound.map((flag) => flag.name)).toEqual([]);
  });

  test('takes no word from what is piped in', async () => {
    const { args = {} } = await load(name);
    for (const arg of Object.values(args)) expect(arg).toMatchObject({ ignoreStdin: true });
  });

  test('has --json exactly where the result is its own', async () => {
    const { enableJsonFlag } = await load(name);
    expect(enableJsonFlag).toBe(![...passthrough, 'completion'].includes(name));
  });

  test('takes the flags that all commands take', async () => {
    const { baseFlags = {} } = await load(name);
    expect(Object.keys(baseFlags).sort()).toEqual([
      'bugsnag-api-token',
      'cluster',
      'debug',
      'github-api-token',
      'native-ssh',
      'storage-path',
      'tls-ca-cert',
      'tls-ca-key',
      'tls-client-cert',
      'tls-client-key',
    ]);
  });

  test('explains each of its flags and arguments', async () => {
    const { flags = {}, args = {} } = await load(name);
    for (const [flag, { summary, hidden }] of Object.entries(flags)) {
      if (hidden) expect(unshownFlags).toContain(flag);
      else expect(summary).toMatch(/\S/);
    }
    for (const { description } of Object.values(args)) expect(description).toMatch(/\S/);
  });
});
