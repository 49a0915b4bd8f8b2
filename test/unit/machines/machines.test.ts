import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reportOf } from '../../../src/app/batch-report.js';
import { addressOf, reach } from '../../../src/app/connect-ssh.js';
import { ExternalError, UsageError } from '../../../src/base/errors.js';
import {
  activate,
  activeMachine,
  machineFor,
  machinesFor,
  qualifiedName,
} from '../../../src/machines/active-machine.js';
import { oneNamedOrActive } from '../../../src/machines/default-machine.js';
import { listMachines, observe, summarize } from '../../../src/machines/list-machines.js';
import {
  parseGoal,
  type StatusGroup,
  statusGroups,
  waitForStatus,
} from '../../../src/machines/machine-status.js';
import { type Machine, machineStates } from '../../../src/machines/model/machine.js';
import { execOnOne, runOnMany, shellCommand } from '../../../src/machines/run-commands.js';
import { inspectMachines, selectMachines } from '../../../src/machines/select-machines.js';
import type { StreamOptions } from '../../../src/ssh/index.js';
import { MemoryDriver } from '../support/memory-driver.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
});

afterEach(() => bed.close());

async function damage(name: string): Promise<string> {
  const path = join(bed.cluster.machineFolder(name), 'config.json');
  await bed.cluster.files.write(path, '{"half');
  return path;
}

function names(machines: readonly Machine[]): string[] {
  return machines.map(({ name }) => name);
}

describe('selectMachines', () => {
  beforeEach(() => bed.running('node1', 'node2', 'mg1'));

  test.each([
    [
      ['node2', 'mg1'],
      ['node2', 'mg1'],
    ],
    [['node[1:2]'], ['node1', 'node2']],
    [
      ['node*', 'mg1', 'node1'],
      ['node1', 'node2', 'mg1'],
    ],
  ])('the machines %j are %j', async (nodes, selected) => {
    expect(names(await selectMachines(nodes, bed.context))).toEqual(selected);
  });

  test('--all selects all machines in natural order', async () => {
    expect(names(await selectMachines([], bed.context, { all: true }))).toEqual(['mg1', 'node1', 'node2']);
  });

  test('a machine that does not exist is reported', async () => {
    await expect(selectMachines(['node[1:3]'], bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'Docker machine "node3" does not exist. Use "belt ls" to list machines',
    });
  });

  test('a damaged record is an error if it is named, and a warning with --all', async () => {
    const path = await damage('node2');
    await expect(selectMachines(['node2'], bed.context)).rejects.toThrow(path);
    await expect(selectMachines(['node*'], bed.context)).rejects.toThrow(path);
    expect(names(await selectMachines(['node1'], bed.context))).toEqual(['node1']);
    expect(bed.reporter.lines).toEqual([]);
    expect(names(await selectMachines([], bed.context, { all: true }))).toEqual(['mg1', 'node1']);
    expect(bed.reporter.lines).toEqual([expect.stringMatching(/^warning: .*node2/)]);
  });
});

describe('a command that takes one machine', () => {
  beforeEach(() => bed.running('node1', 'node2', 'mg1'));

  test.each(['node1', 'mg*', 'node[1]', 'node*,!node2'])('%s names one', async (name) => {
    expect(await oneNamedOrActive([name], bed.cluster)).toMatch(/^(node1|mg1)$/);
  });

  test.each([['node*'], ['node1,node2'], ['node1', 'mg1']])('%j names two', async (...nodes) => {
    await expect(oneNamedOrActive(nodes, bed.cluster)).rejects.toMatchObject({
      name: 'UsageError',
      message: `Expected one machine name as an argument, not 2: ${nodes.join(' ')}`,
    });
  });

  test('a name that does not exist is left to the command', async () => {
    expect(await oneNamedOrActive(['ghost'], bed.cluster)).toBe('ghost');
    await expect(oneNamedOrActive(['node[8:9]'], bed.cluster)).rejects.toThrow(
      'Docker machine "node8" does not exist. Nor does "node9"',
    );
  });
});

describe('the active machine', () => {
  beforeEach(() => bed.running('node1', 'node2'));

  test('the active machine is the one chosen last', async () => {
    expect((await activate('node2', bed.context)).name).toBe('node2');
    expect((await activate('node[1]', bed.context)).name).toBe('node1');
    expect(await activeMachine(bed.context)).toEqual(await bed.onDisk('node1'));
  });

  test("a missing active machine is reported with docker-machine's message", async () => {
    await expect(activeMachine(bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'No active host found',
      hint: 'belt active NODE, or use --host NODE',
    });
  });

  test('only one machine can be active, and two leave the choice unchanged', async () => {
    await activate('node2', bed.context);
    await expect(activate('node*', bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: '"node*" matches 2 machines, but this command takes one',
    });
    expect((await activeMachine(bed.context)).name).toBe('node2');
  });

  test('commands use the active machine unless --host names others', async () => {
    await activate('node2', bed.context);
    expect((await machineFor([], bed.context)).name).toBe('node2');
    expect((await machineFor(['node1'], bed.context)).name).toBe('node1');
    expect(names(await machinesFor(['node[1:2]'], bed.context))).toEqual(['node1', 'node2']);
    await expect(machineFor(['node*'], bed.context, 'belt exec')).rejects.toMatchObject({
      message: '"node*" matches 2 machines, but this command takes one',
      hint: 'belt exec',
    });
  });

  test('the active machine includes its cluster, except in the default one', async () => {
    const machine = await bed.onDisk('node1');
    const elsewhere = { ...bed.context, cluster: Object.create(bed.cluster, { name: { value: 'swarm2k' } }) };
    expect([qualifiedName(machine, bed.context), qualifiedName(machine, elsewhere)]).toEqual([
      'node1',
      'swarm2k/node1',
    ]);
  });
});

test('inspect returns the documents in the requested order', async () => {
  await bed.running('node1', 'node2');
  expect(await inspectMachines(['node2', 'node1'], bed.context, { all: false })).toEqual([
    await bed.cluster.document('node2'),
    await bed.cluster.document('node1'),
  ]);
});

describe('listMachines', () => {
  test("ls combines records with the provider's current state", async () => {
    const [node1, node2] = (await bed.running('node1', 'node2')) as [Machine, Machine];
    bed.driver.machines.set('node2', { id: 'id-2', state: 'stopped', address: '10.9.9.9', size: '1gb' });
    await bed.cluster.setActiveMachine('node2');
    expect(await listMachines(bed.context)).toEqual([
      { machine: { ...node1, addresses: { public: '10.0.0.1' } }, state: 'running', active: false },
      {
        machine: { ...node2, addresses: { public: '10.9.9.9' }, size: '1gb' },
        state: 'stopped',
        active: true,
      },
    ]);
    expect(bed.driver.calls).toEqual(['list node1 node2']);
    expect((await bed.onDisk('node2')).size).toBe('512mb');
  });

  test('ls shows machines that the provider does not know as missing', async () => {
    const [machine] = await bed.running('node1');
    bed.driver.machines.clear();
    expect(await listMachines(bed.context)).toEqual([{ machine, state: 'missing', active: false }]);
  });

  test('ls shows how to finish an unfinished machine', async () => {
    const [machine] = (await bed.running('node1')) as [Machine];
    await bed.cluster.save({ ...machine, phase: 'creating' });
    expect(await listMachines(bed.context)).toMatchObject([
      { state: 'running', error: 'its creation was not finished: run the same "belt create" again' },
    ]);
  });

  test('ls shows an error for the machines of a driver that fails, and rows for the others', async () => {
    const other = new MemoryDriver();
    other.listError = new ExternalError('the provider is down');
    bed.drivers.set('other', other);
    const [, node2] = (await bed.running('node1', 'node2', 'node3')) as [Machine, Machine];
    await bed.cluster.save({ ...node2, driver: 'other' });
    const rows = await listMachines(bed.context);
    expect(rows.map(({ machine: { name }, state, error }) => [name, state, error])).toEqual([
      ['node1', 'running', undefined],
      ['node2', 'error', 'the provider is down'],
      ['node3', 'running', undefined],
    ]);
    expect([bed.driver.calls, other.calls]).toEqual([['list node1 node3'], ['list node2']]);
  });

  test('ls shows damaged records as errors', async () => {
    await bed.running('node1', 'node2');
    const path = await damage('node1');
    const rows = await listMachines(bed.context);
    expect(rows.map(({ machine: { name }, state }) => `${name} ${state}`)).toEqual([
      'node2 running',
      'node1 error',
    ]);
    expect(rows[1]?.error).toContain(path);
  });

  test('observe keeps the given order', async () => {
    const [node1, node2] = (await bed.running('node1', 'node2')) as [Machine, Machine];
    const rows = await observe([node2, node1], bed.context);
    expect(rows.map(({ machine }) => machine.name)).toEqual(['node2', 'node1']);
    expect(await observe([], bed.context)).toEqual([]);
  });
});

describe('status', () => {
  test.each([
    ['active=3', { status: 'running', count: 3 }],
    ['running=3', { status: 'running', count: 3 }],
    ['Running=03', { status: 'running', count: 3 }],
    ['new=1', { status: 'starting', count: 1 }],
    ['starting=1', { status: 'starting', count: 1 }],
    ['off=0', { status: 'stopped', count: 0 }],
    ['stopped=2', { status: 'stopped', count: 2 }],
    ['missing=1', { status: 'missing', count: 1 }],
  ])('the goal %s is parsed', (text, goal) => {
    expect(parseGoal(text)).toEqual(goal);
  });

  test.each([
    '',
    'active',
    'active=',
    'active=x',
    '=3',
    'active=-1',
    'active=1.5',
    'active=3 ',
    'asleep=3',
    'constructor=3',
    'active==3',
  ])('%j is not a goal', (text) => {
    expect(() => parseGoal(text)).toThrow(
      new UsageError(`"${text}" is not STATE=NUMBER`, {
        hint: 'use running=3, or another state: starting, running, paused, saved, stopping, stopped, error, timeout, missing',
      }),
    );
  });

  test('property: every state is parsed in any case', () => {
    const anyCase = (word: string) =>
      fc
        .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
        .map((upper) => [...word].map((letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join(''));
    const goal = fc
      .constantFrom(...machineStates)
      .chain((state) => fc.tuple(fc.constant(state), anyCase(state), fc.nat()));
    fc.assert(
      fc.property(goal, ([state, word, count]) => {
        expect(parseGoal(`${word}=${count}`)).toEqual({ status: state, count });
      }),
    );
  });

  test('status groups machines by state, each group in natural order', async () => {
    await bed.running('node10', 'node2', 'node1');
    bed.driver.machines.delete('node2');
    expect(await statusGroups(bed.context)).toEqual([
      { status: 'running', names: ['node1', 'node10'] },
      { status: 'missing', names: ['node2'] },
    ]);
  });

  describe('waiting for a status', () => {
    const goal = { status: 'running' as const, count: 2 };
    const seen: StatusGroup[][] = [];
    const wait = (timeoutMs: number) =>
      waitForStatus({ goal, timeoutMs, intervalMs: 5, onGroups: (groups) => seen.push(groups) }, bed.context);

    beforeEach(async () => {
      seen.length = 0;
      await bed.running('node1', 'node2');
      bed.driver.machines.delete('node2');
    });

    test('waiting ends when enough machines have the status, and shows each change once', async () => {
      const waiting = wait(60_000);
      await expect.poll(() => bed.driver.calls.length).toBeGreaterThan(3);
      bed.driver.machines.set('node2', { id: 'id-2', state: 'running', address: '10.0.0.2', size: '512mb' });
      const reached = [{ status: 'running', names: ['node1', 'node2'] }];
      expect(await waiting).toEqual(reached);
      expect(seen).toEqual([
        [
          { status: 'running', names: ['node1'] },
          { status: 'missing', names: ['node2'] },
        ],
        reached,
      ]);
    });

    test('waiting ends on a timeout with the progress', async () => {
      await expect(wait(20)).rejects.toThrow(new ExternalError('1 of 2 machines are running after 0.02 s'));
    });

    test('waiting ends on an interruption', async () => {
      const waiting = wait(60_000);
      bed.interrupt();
      await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    });
  });
});

describe('reach', () => {
  test('a machine is reached at its public address, else at its private one', async () => {
    const [machine] = (await bed.running('node1')) as [Machine];
    expect(addressOf(machine)).toBe('10.0.0.1');
    expect(addressOf({ ...machine, addresses: { private: '192.168.0.1' } })).toBe('192.168.0.1');
    expect(() => addressOf({ ...machine, addresses: {} })).toThrow(
      'node1 has no address yet because its creation did not finish',
    );
  });

  test.each([
    ['stopped', 'node1 is stopped', 'belt start node1'],
    [undefined, 'node1 does not exist: memory has no such machine', 'belt rm node1'],
  ] as const)('an unreachable machine is reported as %s', async (state, message, hint) => {
    const [machine] = (await bed.running('node1')) as [Machine];
    bed.ssh.refused.add('node1');
    bed.driver.list = async () => [{ name: 'node1', state: state ?? 'missing' }];
    await expect(reach(machine, bed.context)).rejects.toMatchObject({ name: 'UserError', message, hint });
  });

  test('machines that do not answer are reported as off before a timeout, after one query', async () => {
    const machines = await bed.running('node1', 'node2', 'node3');
    let queries = 0;
    bed.driver.list = async (known) => {
      queries++;
      return known.map(({ name }) => ({ name, state: 'stopped' }));
    };
    for (const { name } of machines) bed.ssh.silent.add(name);
    const results = await Promise.allSettled(machines.map((machine) => reach(machine, bed.context)));
    expect(results).toMatchObject(
      machines.map(({ name }) => ({ status: 'rejected', reason: { message: `${name} is stopped` } })),
    );
    expect(queries).toBe(1);
  });

  test.each([
    ['it runs', async () => [{ name: 'node1', state: 'running' as const }]],
    ['the provider does not know', async () => []],
    ['the provider fails too', () => Promise.reject(new ExternalError('down'))],
  ])('an unreachable machine is reported with the cause when %s', async (_, list) => {
    const [machine] = (await bed.running('node1')) as [Machine];
    bed.ssh.refused.add('node1');
    bed.driver.list = list;
    await expect(reach(machine, bed.context)).rejects.toMatchObject({
      name: 'ConnectError',
      message: 'node1: refused by 10.0.0.1 port 22',
    });
  });
});

describe('exec', () => {
  const execX = (machine: Machine, streams: StreamOptions): Promise<number> =>
    execOnOne('x', machine, streams, bed.context);

  /** Runs exec on one machine that writes these chunks. @returns the lines */
  async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
    const [machine] = (await bed.running('node1')) as [Machine];
    bed.ssh.command = async (_name, _command, { stdout }) => {
      for (const chunk of chunks) stdout.write(chunk);
      return 0;
    };
    const lines: string[] = [];
    const onLine = (_name: string, _stream: string, line: string): void => void lines.push(line);
    await runOnMany({ run: execX, onLine }, [machine], bed.context);
    return lines;
  }

  test.each([
    ['', []],
    ['one', ['one']],
    ['one\n', ['one']],
    ['one\n\ntwo', ['one', '', 'two']],
    ['\n', ['']],
  ])('%j is split into the lines %j', async (text, lines) => {
    expect(await linesOf([Buffer.from(text)])).toEqual(lines);
  });

  test('property: lines do not depend on how the output is chunked', async () => {
    const output = fc
      .array(fc.constantFrom('a', 'ß', '🐳', '\n', '\r\n', ' ', '漢'))
      .map((parts) => Buffer.from(parts.join('')));
    const cut = output.chain((bytes) =>
      fc.tuple(
        fc.constant(bytes),
        fc.array(fc.nat(bytes.length)).map((cuts) => cuts.sort((a, b) => a - b)),
      ),
    );
    await fc.assert(
      fc.asyncProperty(cut, async ([bytes, cuts]) => {
        const edges = [0, ...cuts, bytes.length];
        const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
        const expected = bytes.toString().split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(await linesOf(chunks)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test('exec shows invalid UTF-8 as replacement characters', async () => {
    expect(await linesOf([Buffer.from([0x61, 0xff, 0x0a, 0xe6, 0xbc])])).toEqual(['a\uFFFD', '\uFFFD']);
  });

  test('exec prints the output from before a lost connection', async () => {
    const [machine] = (await bed.running('node1')) as [Machine];
    bed.ssh.command = async (_name, _command, { stdout }) => {
      stdout.write('last words');
      throw new ExternalError('node1: the connection was lost');
    };
    const lines: string[] = [];
    const onLine = (name: string, stream: string, line: string): void =>
      void lines.push(`${name} ${stream} ${line}`);
    expect(await runOnMany({ run: execX, onLine }, [machine], bed.context)).toEqual([
      { name: 'node1', status: 'failed', error: new ExternalError('node1: the connection was lost') },
    ]);
    expect(lines).toEqual(['node1 stdout last words']);
  });

  test('exec on many returns exit codes, and errors of unreachable machines', async () => {
    const machines = await bed.running('node1', 'node2', 'node3');
    bed.ssh.refused.add('node2');
    bed.ssh.command = async (name, command, { stdout, stderr }) => {
      stdout.write(`${command}\n`);
      stderr.write('oh\n');
      return name === 'node3' ? 7 : 0;
    };
    const lines: string[] = [];
    const outcomes = await runOnMany(
      {
        run: (machine, streams) => execOnOne(`echo ${machine.name}`, machine, streams, bed.context),
        onLine: (name, stream, line) => lines.push(`${name} ${stream} ${line}`),
        limit: 1,
      },
      machines,
      bed.context,
    );
    expect(outcomes).toMatchObject([
      { name: 'node1', status: 'ok', value: 0 },
      { name: 'node2', status: 'failed', error: { message: 'node2: refused by 10.0.0.2 port 22' } },
      { name: 'node3', status: 'ok', value: 7 },
    ]);
    expect(lines).toEqual([
      'node1 stdout echo node1',
      'node1 stderr oh',
      'node3 stdout echo node3',
      'node3 stderr oh',
    ]);
  });

  test('exec on one returns its exit code', async () => {
    const [machine] = (await bed.running('node1')) as [Machine];
    bed.ssh.command = async () => 42;
    const { stdout, stderr } = process;
    expect(await execOnOne('exit 42', machine, { stdout, stderr }, bed.context)).toBe(42);
    expect(bed.ssh.commands).toEqual(['node1: exit 42']);
  });

  test('shellCommand passes one word to the shell as it is, and quotes several', () => {
    expect(shellCommand(['df -h | tail -1'])).toBe('df -h | tail -1');
    expect(shellCommand(['echo', 'a b', '$HOME'])).toBe(`echo 'a b' '$HOME'`);
  });
});

test('summaries omit unknown fields', () => {
  const machine: Machine = {
    name: 'node1',
    driver: 'memory',
    phase: 'ready',
    addresses: { private: '192.168.0.1' },
    ssh: { user: 'root', port: 22 },
    driverData: { rack: 7 },
    createdAt: '2026-01-02T03:04:05.000Z',
  };
  expect(summarize({ machine, state: 'running', active: true })).toEqual({
    name: 'node1',
    driver: 'memory',
    state: 'running',
    active: true,
    address: '192.168.0.1',
  });
  expect(
    summarize({
      machine: { ...machine, addresses: {}, size: '512mb', memory: 512 },
      state: 'error',
      active: false,
      error: 'down',
    }),
  ).toEqual({
    name: 'node1',
    driver: 'memory',
    state: 'error',
    active: false,
    size: '512mb',
    memory: 512,
    error: 'down',
  });
});

test('reports group outcomes by status', () => {
  const error = new ExternalError('it is busy', { hint: 'wait' });
  expect(
    reportOf(
      [
        { name: 'a', status: 'ok', value: 1 },
        { name: 'b', status: 'failed', error },
        { name: 'c', status: 'skipped' },
        { name: 'd', status: 'ok', value: 2 },
        { name: 'e', status: 'interrupted' },
      ],
      (name, value) => `${name}${value}`,
    ),
  ).toEqual({
    ok: ['a1', 'd2'],
    failed: [
      { name: 'b', code: 'external', error: 'it is busy (try: wait)' },
      { name: 'e', code: 'aborted', error: 'interrupted' },
    ],
    skipped: ['c'],
  });
});
