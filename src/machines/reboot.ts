import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { ExternalError, isAbort, messageOf, rethrowAbort } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import type { MachineEvent } from '../drivers/driver.js';
import { surveyMachine } from '../engine/gather-facts.js';
import { runAsRoot } from '../engine/root-shell.js';
import type { Machine } from './model/machine.js';

const downTimeoutMs = 60_000;
/** Physical servers test their memory before they boot. */
const upTimeoutMs = 300_000;
/** EC2 resets an instance that has not shut down after four minutes. */
const rebootTimeoutMs = 600_000;
const intervalMs = 500;

/** For drivers that cannot restart machines. */
export async function* rebootOverSsh(
  machines: readonly Machine[],
  context: Context,
): AsyncIterable<MachineEvent> {
  for (const { name } of machines) yield { type: 'progress', name, text: 'restarting' };
  yield* completionEvents(machines, (machine) => reboot(machine, context));
}

/**
 * For providers that do not report when a machine is down. Waits for a new boot, except of machines
 * that belt cannot log in to before the restart: the driver alone reports those as done.
 */
export async function* restartAndAwaitBoot(
  machines: readonly Machine[],
  restartByDriver: () => AsyncIterable<MachineEvent>,
  context: Context,
): AsyncIterable<MachineEvent> {
  const bootIds = new Map<string, string | undefined>();
  const readBootId = async (machine: Machine): Promise<void> => {
    bootIds.set(machine.name, await bootIdOf(machine, context).catch(rethrowAbort));
  };
  await Promise.all(machines.map(readBootId));
  const accepted = new Set<string>();
  for await (const event of restartByDriver()) {
    if (event.type === 'done' && bootIds.get(event.name) !== undefined) accepted.add(event.name);
    else yield event;
  }
  const rebooting = machines.filter(({ name }) => accepted.has(name));
  yield* completionEvents(rebooting, (machine) => waitForReboot(machine, bootIds.get(machine.name), context));
}

/** Runs the work on all machines at the same time, and reports each as it completes. */
async function* completionEvents(
  machines: readonly Machine[],
  work: (machine: Machine) => Promise<void>,
): AsyncIterable<MachineEvent> {
  const waiting = new Map(machines.map((machine) => [machine.name, completionEvent(machine, work)]));
  while (waiting.size > 0) {
    const event = await Promise.race(waiting.values());
    waiting.delete(event.name);
    yield event;
  }
}

async function completionEvent(
  machine: Machine,
  work: (machine: Machine) => Promise<void>,
): Promise<MachineEvent> {
  const { name } = machine;
  try {
    await work(machine);
    return { type: 'done', name };
  } catch (error) {
    if (isAbort(error)) throw error;
    return { type: 'failed', name, error: error instanceof Error ? error : new Error(messageOf(error)) };
  }
}

async function reboot(machine: Machine, context: Context): Promise<void> {
  const { signal } = context;
  const ssh = await context.ssh();
  const target = sshTarget(machine);
  const connection = await ssh.connect(target, { signal });
  const { facts, password } = await surveyMachine(connection, context);
  const before = await bootIdOf(machine, context);
  // The connection may break before the command returns.
  const refusal = await runAsRoot(connection, {
    text: 'PATH="$PATH:/usr/sbin:/sbin"; shutdown -r now 2>/dev/null || reboot',
    access: facts.access,
    ...(password !== undefined && { password }),
    timeoutMs: 10_000,
    signal,
    onLine: () => {},
  }).then(
    ({ code, stderr }) => (code === 0 ? '' : stderr.trim()),
    (error) => {
      if (isAbort(error)) throw error;
      return '';
    },
  );
  if (refusal !== '') throw new ExternalError(`${machine.name} could not restart: ${refusal}`);
  await waitForBootId(machine, (id) => id !== before, downTimeoutMs, 'is still running', context);
  await ssh.waitFor(target, { timeoutMs: upTimeoutMs, signal });
}

/** @throws ExternalError on timeout */
function waitForReboot(machine: Machine, before: string | undefined, context: Context): Promise<void> {
  const hasRebooted = (id: string | undefined): boolean => id !== undefined && id !== before;
  return waitForBootId(machine, hasRebooted, rebootTimeoutMs, 'has not rebooted', context);
}

/** @param isDone gets undefined while belt cannot log in */
async function waitForBootId(
  machine: Machine,
  isDone: (id: string | undefined) => boolean,
  timeoutMs: number,
  failure: 'is still running' | 'has not rebooted',
  context: Context,
): Promise<void> {
  const findProblem = async (): Promise<string | undefined> =>
    isDone(await bootIdOf(machine, context).catch(rethrowAbort)) ? undefined : failure;
  await waitUntilClear(findProblem, { timeoutMs, intervalMs, signal: context.signal }, (problem) => {
    const seconds = timeoutMs / 1000;
    return new ExternalError(`${machine.name} ${problem} ${seconds} s after the restart request`);
  });
}

/** The kernel's boot id, and for containers, which share it, the start time of process 1. */
async function bootIdOf(machine: Machine, context: Context): Promise<string> {
  const { signal } = context;
  const ssh = await context.ssh();
  const connection = await ssh.connect(sshTarget(machine), { signal });
  const { stdout } = await connection.run(
    'cat /proc/sys/kernel/random/boot_id; cut -d " " -f 22 /proc/1/stat',
    { timeoutMs: 5_000, signal },
  );
  return stdout;
}
