import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '@oclif/core';
import { describe, expect, test } from 'vitest';
import { type FlagEntry, globalFlags, outputFlags } from '../../../src/cli/global-flags.js';
import { oldSwarmFlags } from '../../../src/cli/old-swarm-flags.js';

const folder = join(import.meta.dirname, '../../../src/commands');

/** Each file contains one command. */
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);
const names = files.map((path) => path.slice(0, -'.ts'.length).replaceAll('/', ' ')).sort();

/** Commands that run another program and return its output. */
const passthrough = ['compose', 'docker', 'exec', 'mount', 'scp', 'ssh', 'stack'];

/** Examples that show a next step instead of the command. */
const nextSteps = ['docker --context belt-node1 ps', '<%= config.bin %> use docker-machine'];

/** docker-machine's flags that belt ignores or rejects. */
const unshownFlags = ['swarm', 'timeout', 'secret', ...Object.keys(oldSwarmFlags)];

async function load(name: string): Promise<typeof Command> {
  const module = (await import(join(folder, `${name.replaceAll(' ', '/')}.ts`))) as {
    default: typeof Command;
  };
  return module.default;
}

test.each([
  ...['provision', 'upgrade', 'regenerate-certs', 'resize', 'start', 'stop', 'restart'],
  ...['engine secure', 'engine local', 'engine insecure', 'certs rotate', 'swarm upgrade'],
])('after an interruption, %s says how to resume', async (name) => {
  expect(await load(name)).toHaveProperty('resumes', true);
});

test('the command tree is complete', () => {
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
    'compose',
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
    'inventory',
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
    'push',
    'regenerate-certs',
    'regions',
    'resize',
    'restart',
    'rm',
    'scp',
    'sizes',
    'snapshot',
    'ssh',
    'ssh-config',
    'stack',
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
  test("a command has a summary in docker's style and an example", async () => {
    const { summary = '', examples = [] } = await load(name);
    expect(summary).toMatch(/^[A-Z].*[^.]$/);
    const lines = examples.map((example) => (typeof example === 'string' ? example : example.command));
    expect(lines.length).toBeGreaterThan(0);
    // `belt --host node2 docker info`: global flags may precede the command.
    const itself = new RegExp(`(^|\\$\\()<%= config\\.bin %> (--host \\S+ )?${name}\\b`);
    const [first, ...further] = lines;
    expect(first).toMatch(itself);
    for (const line of further) if (!nextSteps.includes(line)) expect(line).toMatch(itself);
  });

  test('no flag with a default depends on another flag', async () => {
    const { flags = {} } = await load(name);
    const bound = Object.values(flags).filter((flag) => flag.dependsOn && flag.default !== undefined);
    expect(bound.map((flag) => flag.name)).toEqual([]);
  });

  test('a command reads no argument from standard input', async () => {
    const { args = {} } = await load(name);
    for (const arg of Object.values(args)) expect(arg).toMatchObject({ ignoreStdin: true });
  });

  test('a command accepts the global flags, and --output exactly if it prints results', async () => {
    const { baseFlags = {} } = await load(name);
    const reports = ![...passthrough, 'completion'].includes(name);
    const expected = { ...globalFlags, ...(reports && outputFlags) };
    expect(Object.keys(baseFlags)).toEqual(Object.keys(expected));
  });

  test("a command's own flags do not redefine global ones", async () => {
    const { flags = {} } = await load(name);
    const globals = { ...globalFlags, ...outputFlags };
    const letters = Object.values<FlagEntry>(globals).flatMap(({ short }) => short ?? []);
    for (const [flag, { char }] of Object.entries(flags)) {
      // As in `docker service logs`, and for the program scp, since belt's has no output flags.
      if (['logs timestamps', 'scp quiet'].includes(`${name} ${flag}`)) continue;
      expect(Object.keys(globals)).not.toContain(flag);
      expect(letters).not.toContain(char);
    }
  });

  test('a command has a summary for each of its flags and arguments', async () => {
    const { flags = {}, args = {} } = await load(name);
    for (const [flag, { summary, hidden }] of Object.entries(flags)) {
      if (hidden) expect(unshownFlags).toContain(flag);
      else expect(summary).toMatch(/\S/);
    }
    for (const { description } of Object.values(args)) expect(description).toMatch(/\S/);
  });
});
