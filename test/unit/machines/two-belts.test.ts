import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Context } from '../../../src/app/context.js';
import type { Outcome } from '../../../src/app/fan-out.js';
import { ExternalError, messageOf, UserError } from '../../../src/base/errors.js';
import { clientAccess } from '../../../src/engine/client-access.js';
import { createMachines } from '../../../src/machines/create-machines.js';
import { forgetDamaged, selectWithDamaged } from '../../../src/machines/damaged-records.js';
import { removeMachines, startMachines } from '../../../src/machines/lifecycle.js';
import { listMachines } from '../../../src/machines/list-machines.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { inspectMachines, selectMachines } from '../../../src/machines/select-machines.js';
import { openClusterStore } from '../../../src/state/cluster-store.js';
import { recordFault } from '../../lab/record-fault.js';
import { MemoryDriver } from '../support/memory-driver.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

/** Called before each file operation on a path: by belt and by its libraries. */
const files = vi.hoisted(() => ({ before: undefined as ((path: string) => Promise<void>) | undefined }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const wrap = (name: string, work: (...args: unknown[]) => Promise<unknown>) =>
    Object.defineProperty(
      async (...args: unknown[]) => {
        if (typeof args[0] === 'string') await files.before?.(args[0]);
        return work(...args);
      },
      'name',
      { value: name },
    );
  const wrapped = Object.entries(real).map(([name, value]) => [
    name,
    typeof value === 'function' ? wrap(name, value as never) : value,
  ]);
  return Object.fromEntries(wrapped);
});

vi.mock('write-file-atomic', async (original) => {
  const { default: write } = await original<{ default: (...args: unknown[]) => Promise<void> }>();
  return {
    async default(path: string, text: string, options: object) {
      await files.before?.(path);
      const tmpfileCreated = async (): Promise<void> => files.before?.(path);
      await write(path, text, { ...options, tmpfileCreated });
    },
  };
});

vi.mock('proper-lockfile', async (original) => {
  const { default: lockfile } = await original<{
    default: { lock: typeof import('proper-lockfile').lock };
  }>();
  return {
    default: {
      async lock(path: string, options: object) {
        await files.before?.(path);
        const release = await lockfile.lock(path, options);
        await files.before?.(path);
        return async () => {
          await files.before?.(path);
          await release();
        };
      },
    },
  };
});

class UrlDriver extends MemoryDriver {
  async adopt([name = '']: readonly string[]) {
    return [{ name, addresses: { public: '192.0.2.7' }, driverData: { URL: 'tcp://192.0.2.7:2376' } }];
  }
}

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
  bed.drivers.set('none', new UrlDriver());
});

afterEach(async () => {
  files.before = undefined;
  await bed.close();
});

type Command = (context: Context) => Promise<unknown>;

const create: Command = (context) =>
  createMachines({ names: ['m'], driver: 'none', timeoutMs: 1_000 }, context);
const select = (context: Context): Promise<Machine[]> => selectMachines(['m'], context);

const commands: Readonly<Record<string, Command>> = {
  create,
  start: async (context) => startMachines(await select(context), context),
  rm: async (context) => removeMachines(await select(context), { force: false }, context),
  async 'rm -f'(context) {
    const { machines, damaged } = await selectWithDamaged(['m'], context);
    const outcomes = machines.length > 0 ? await removeMachines(machines, { force: true }, context) : [];
    await forgetDamaged(damaged, context);
    return outcomes;
  },
};

const readers: Readonly<Record<string, Command>> = {
  ls: listMachines,
  'ls -q': ({ cluster }) => cluster.machines(),
  inspect: (context) => inspectMachines(['m'], context, { all: false }),
  'inspect --all': (context) => inspectMachines([], context, { all: true }),
  ip: select,
  env: ({ cluster }) => clientAccess('m', cluster),
  active: async ({ cluster }) => {
    const name = await cluster.activeMachine();
    return name === undefined ? undefined : cluster.machine(name);
  },
};

/** @returns what went wrong in words. Anything but an error for users fails the test. */
async function problemsOf(work: Promise<unknown>): Promise<string[]> {
  const outcomes = await work.catch((error: unknown) => [{ status: 'failed', error }]);
  const failed = (Array.isArray(outcomes) ? (outcomes as Outcome<Machine>[]) : []).flatMap((outcome) =>
    outcome?.status === 'failed' ? [outcome.error as unknown] : [],
  );
  for (const error of failed)
    if (!(error instanceof UserError || error instanceof ExternalError)) throw error;
  return failed.map(messageOf);
}

interface Meeting {
  first: string[];
  second: string[];
  /** Whether the first command ended before its n-th operation. */
  isOver: boolean;
}

/** Where the first command holds the lock, the second waits for it: then both continue together. */
async function endedOrIdle(work: Promise<unknown>): Promise<void> {
  let operations = 0;
  files.before = async () => {
    operations += 1;
  };
  let isEnded = false;
  const end = (): void => {
    isEnded = true;
  };
  work.then(end, end);
  for (let before = -1; !isEnded && before < operations; ) {
    before = operations;
    await Promise.race([work.catch(() => {}), sleep(5)]);
  }
}

/** Runs the whole second command before the n-th file operation of the first. */
async function meet(first: Command, second: Command, n: number): Promise<Meeting> {
  const [one, two] = [await bed.nextRun(), await bed.nextRun()];
  let count = 0;
  let others: Promise<string[]> | undefined;
  files.before = async (path) => {
    if (!path.startsWith(bed.folder) || ++count < n) return;
    files.before = undefined;
    others = problemsOf(second(two));
    await endedOrIdle(others);
  };
  const problems = await problemsOf(first(one));
  files.before = undefined;
  return { first: problems, second: (await others) ?? [], isOver: others === undefined };
}

/** What belt says to the later one of two commands. */
const explained =
  /^(m is being (created|started|stopped|removed) by another belt|Docker machine "m" does not exist|Docker machine "m" already exists|m was changed by another belt|there are no client certificates for m)/;

async function meetEverywhere(
  fault: string,
  first: Command,
  second: Command,
  check: (meeting: Meeting) => Promise<void>,
) {
  for (let n = 1; ; n++) {
    const prepare = first === create ? 'rm -f' : 'create';
    await problemsOf((commands[prepare] as Command)(await bed.nextRun()));
    const meeting = await meet(first, second, n);
    for (const problem of [...meeting.first, ...meeting.second])
      expect(problem, `at ${n}`).toMatch(explained);
    await check(meeting);
    if (meeting.isOver) return recordFault({ kind: 'Two belts at once', fault, tried: n - 1 });
  }
}

async function isRecorded(): Promise<boolean> {
  const { machines, damaged } = await (
    await openClusterStore({ name: 'default', folder: bed.folder })
  ).machines();
  expect(damaged).toEqual([]);
  return machines.length > 0;
}

const pairs = Object.keys(commands).flatMap((one) => ['create', 'rm'].map((other) => [one, other] as const));

describe.each(pairs)('%s', (one, other) => {
  test(`and ${other} of the same machine end with belt's own errors at every file operation`, async () => {
    const [first, second] = [commands[one] as Command, commands[other] as Command];
    const fault = `\`${other}\` before any file operation of \`${one}\` of the same machine`;
    await meetEverywhere(fault, first, second, async (meeting) => {
      expect(await bed.claims()).toEqual([]);
      const removed = other === 'rm' && meeting.second.length === 0 && !meeting.isOver;
      if (removed && one !== 'create') expect(await isRecorded()).toBe(false);
      else await isRecorded();
    });
  });
});

test.each(Object.entries(readers))('%s ends well when another belt removes the machine', async (_, read) => {
  const fault = '`rm` before any file operation of a reading command';
  await meetEverywhere(fault, read, commands['rm'] as Command, async () => {});
});

test.each(['create', 'rm'])('every reading command ends well at each file operation of %s', async (name) => {
  const readAll: Command = async (context) => {
    const problems = await Promise.all(Object.values(readers).map((read) => problemsOf(read(context))));
    const error = problems.flat()[0];
    if (error !== undefined) throw new UserError(error);
  };
  const fault = `reading commands before any file operation of \`${name}\``;
  await meetEverywhere(fault, commands[name] as Command, readAll, async () => {});
});
