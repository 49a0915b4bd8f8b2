import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '@oclif/core';
import { describe, expect, test } from 'vitest';

const folder = join(import.meta.dirname, '../../src/commands');

/** What the command framework makes of the files: one command each. */
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);
const names = files.map((path) => path.slice(0, -'.ts'.length).replaceAll('/', ' ')).sort();

/** They hand their line to another program: the result is that program's. */
const passthrough = ['docker', 'exec', 'ssh'];

async function load(name: string): Promise<typeof Command> {
  const module = (await import(join(folder, `${name.replaceAll(' ', '/')}.ts`))) as {
    default: typeof Command;
  };
  return module.default;
}

test('these are all commands', () => {
  expect(names).toEqual([
    'active',
    'create',
    'docker',
    'doctor',
    'exec',
    'image build',
    'image ls',
    'image rm',
    'inspect',
    'ip',
    'kill',
    'ls',
    'resize',
    'restart',
    'rm',
    'ssh',
    'start',
    'status',
    'stop',
    'swarm init',
    'swarm join',
    'swarm ls',
    'use',
  ]);
});

describe.each(names)('%s', (name) => {
  test('loads and says what it does, with an example of itself', async () => {
    const { summary = '', examples = [] } = await load(name);
    expect(summary).toMatch(/^[a-z].*[^.]$/);
    const lines = examples.map((example) => (typeof example === 'string' ? example : example.command));
    expect(lines.length).toBeGreaterThan(0);
    // `belt --host node2 docker info`: flags of belt's own may come before the command.
    const itself = new RegExp(`^<%= config\\.bin %> (--host \\S+ )?${name}\\b`);
    for (const line of lines) expect(line).toMatch(itself);
  });

  test('takes no word from what is piped in', async () => {
    const { args = {} } = await load(name);
    for (const arg of Object.values(args)) expect(arg).toMatchObject({ ignoreStdin: true });
  });

  test('has --json exactly where the result is its own', async () => {
    const { enableJsonFlag } = await load(name);
    expect(enableJsonFlag).toBe(!passthrough.includes(name));
  });

  test('takes the flags that all commands take', async () => {
    const { baseFlags = {} } = await load(name);
    expect(Object.keys(baseFlags).sort()).toEqual(['cluster', 'debug', 'storage-path']);
  });

  test('explains each of its flags and arguments', async () => {
    const { flags = {}, args = {} } = await load(name);
    for (const { summary } of Object.values(flags)) expect(summary).toMatch(/\S/);
    for (const { description } of Object.values(args)) expect(description).toMatch(/\S/);
  });
});
