import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { type Config, Flags } from '@oclif/core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AbortError, UsageError } from '../../../src/base/errors.js';
import { BaseCommand } from '../../../src/cli/base-command.js';
import { requiredArgument } from '../../../src/cli/flags.js';
import Create from '../../../src/commands/create.js';

afterEach(() => vi.unstubAllEnvs());

/** The parts of oclif that parsing a command line needs. */
const framework = {
  bin: 'belt',
  runHook: async () => ({ successes: [], failures: [] }),
} as unknown as Config;

class Sample extends BaseCommand<typeof Sample> {
  static override strict = false;
  static override args = { node: requiredArgument('a machine') };
  static override flags = {
    force: Flags.boolean({ char: 'f' }),
    tidy: Flags.boolean({ default: true }),
    label: Flags.string(),
  };
  read() {
    const { flags, words, typed } = this;
    return { flags, words, typed, json: this.jsonEnabled() };
  }
  async run(): Promise<void> {}
}

test.each([
  [{ stdout: true, stderr: true }, '', 'No nodes\nTo add one, run: belt join node1\n'],
  [{ stdout: false, stderr: true }, 'NODE', 'No nodes\nTo add one, run: belt join node1\n'],
  [{ stdout: false, stderr: false }, 'NODE', ''],
])('an empty list explains itself on a terminal only: %j', async (terminals, table, explanation) => {
  vi.spyOn(process, 'stdout', 'get').mockReturnValue({ isTTY: terminals.stdout } as typeof process.stdout);
  const stderr = { isTTY: terminals.stderr, write: vi.fn() };
  vi.spyOn(process, 'stderr', 'get').mockReturnValue(stderr as unknown as typeof process.stderr);
  const command = new SampleList([], framework);
  const log = vi.spyOn(command, 'log').mockReturnValue();
  await command.run();
  expect(log.mock.calls.flat().join('')).toBe(table);
  expect(stderr.write.mock.calls.flat().join('')).toBe(explanation);
  vi.restoreAllMocks();
});

test('a command without flags of its own opens its context', async () => {
  const command = new SampleList([], Object.assign(framework, { root: resolve('.') }));
  await command.init();
  await expect(command.cluster()).resolves.toBe('default');
});

class SampleList extends BaseCommand<typeof SampleList> {
  async cluster(): Promise<string> {
    return (await this.context()).cluster.name;
  }
  async run(): Promise<void> {
    this.printRows([], 'NODE', { text: 'No nodes', next: ['add one', 'belt join node1'] });
  }
}

async function read(line: string) {
  const command = new Sample(line.split(' '), framework);
  await command.init();
  return command.read();
}

class SampleCreate extends Create {
  given() {
    return this.flags as Record<string, unknown>;
  }
  hint() {
    return this.sameCommand;
  }
}

describe('a command line', () => {
  test.each([
    ['--force=false node1', false],
    ['node1 -f=F', false],
    ['-force=0 node1', false],
    ['--force=true node1', true],
    ['-force node1', true],
    ['-f=1 node1', true],
  ])("Go's forms of a switch are parsed: %s", async (line, force) => {
    expect(await read(line)).toMatchObject({ flags: { force }, words: ['node1'], typed: line.split(' ') });
  });

  test('--flag=false overrides environment and default', async () => {
    vi.stubEnv('MACHINE_DEBUG', '1');
    expect((await read('--debug=false --tidy=false node1')).flags).toMatchObject({
      debug: false,
      tidy: false,
    });
    expect((await read('node1')).flags).toMatchObject({ debug: true, tidy: true });
  });

  test("global flags and --json accept Go's forms", async () => {
    const { flags, json } = await read('-storage-path /x -native-ssh=t --json=true node1');
    expect({ flags, json }).toMatchObject({
      flags: { 'storage-path': '/x', 'native-ssh': true },
      json: true,
    });
    expect((await read('--json=false node1')).json).toBe(false);
  });

  test('words after -- and flag values stay unchanged', async () => {
    expect(await read('-label -debug node1 -- --force=false -force')).toMatchObject({
      flags: { label: '-debug' },
      words: ['node1', '--force=false', '-force'],
    });
  });

  test('a switch rejects values other than true and false', async () => {
    await expect(read('--force=maybe node1')).rejects.toThrow(UsageError);
    await expect(read('--force=maybe node1')).rejects.toThrow('--force must be true or false, not "maybe"');
  });
});

test("create accepts driver flags in Go's forms", async () => {
  const create = new SampleCreate(
    '-driver amazonec2 -amazonec2-use-private-address=true --amazonec2-monitoring=false -engine-label a=b x'.split(
      ' ',
    ),
    framework,
  );
  await create.init();
  expect(create.given()).toMatchObject({
    driver: 'amazonec2',
    'amazonec2-use-private-address': true,
    'amazonec2-monitoring': false,
    'engine-label': ['a=b'],
  });
});

test('create repeats its command line without secrets, quoted for a shell', async () => {
  const words = [
    '-digitalocean-access-token',
    'hunter2',
    '--amazonec2-secret-key=x',
    '--engine-label',
    'a=b c',
    'n',
  ];
  const create = new SampleCreate(words, framework);
  await create.init();
  expect(create.hint()).toBe(
    'belt create -digitalocean-access-token [redacted] ' +
      "--amazonec2-secret-key=[redacted] --engine-label 'a=b c' n",
  );
});

test('an interrupted command that resumes says so', async () => {
  class Resumable extends Sample {
    static override resumes = true;
  }
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await new Sample(['node1'], framework).catch(new AbortError());
  await new Resumable(['node1'], framework).catch(new AbortError());
  const printed = stderr.mock.calls.map(([text]) => stripVTControlCharacters(String(text)));
  stderr.mockRestore();
  process.exitCode = undefined;
  expect(printed).toEqual([
    'error: interrupted\n',
    'error: interrupted\nTry: run the same command again to resume\n',
  ]);
});
