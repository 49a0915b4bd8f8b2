import { setTimeout as sleep } from 'node:timers/promises';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { ExternalError, isAbort, messageOf, unlessAborted } from '../base/errors.js';
import type { MachineEvent } from '../drivers/driver.js';
import { surveyMachine } from '../engine/gather-facts.js';
import { runAsRoot } from '../engine/root-shell.js';
import type { Machine } from './model/machine.js';

/** How long a server may take to go down. */
const downTimeoutMs = 60_000;
/** And to come up again: servers of iron test their memory first. */
const upTimeoutMs = 300_000;
/** Both, where the provider restarts a server that does not go down by itself: EC2 after four minutes. */
const rebootTimeoutMs = 600_000;

/** Restarts machines over SSH, all at the same time, for drivers that have no power over theirs. */
export async function* rebootOverSsh(
  machines: readonly Machine[],
  context: Context,
): AsyncIterable<MachineEvent> {
  for (const { name } of machines) yield { type: 'progress', name, text: 'restarting' };
  yield* completionEvents(machines, (machine) => reboot(machine, context));
}

/**
 * Has a driver restart machines whose provider does not tell when they are down. One that belt cannot log in to before, as it is off or
 * hangs, is done when the driver says so.
 * @param ask has the driver do it
 */
export async function* restartAndAwaitBoot(
  machines: readonly Machine[],
  ask: () => AsyncIterable<MachineEvent>,
  context: Context,
): AsyncIterable<MachineEvent> {
  const boots = new Map<string, string | undefined>();
  const look = async (machine: Machine): Promise<void> => {
    boots.set(machine.name, await bootIdOf(machine, context).catch(unlessAborted));
  };
  await Promise.all(machines.map(look));
  const taken = new Set<string>();
  for await (const event of ask()) {
    if (event.type === 'done' && boots.get(event.name) !== undefined) taken.add(event.name);
    else yield event;
  }
  const restarting = machines.filter(({ name }) => taken.has(name));
  yield* completionEvents(restarting, (machine) => waitForReboot(machine, boots.get(machine.name), context));
}

/** Works on all machines at the same time, and tells the end of each as it comes. */
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
  // The connection may break before the answer comes.
  const broken = await runAsRoot(connection, {
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
  if (broken !== '') throw new ExternalError(`${machine.name} could not restart: ${broken}`);
  const deadline = Date.now() + downTimeoutMs;
  while ((await bootIdOf(machine, context).catch(unlessAborted)) === before) {
    if (Date.now() > deadline)
      throw new ExternalError(
        `${machine.name} is still running ${downTimeoutMs / 1000} s after the restart request`,
      );
    await sleep(500, undefined, { signal });
  }
  await ssh.waitFor(target, { timeoutMs: upTimeoutMs, signal });
}

/** @throws ExternalError when it is still the same boot, or there is no answer, when the time is over */
async function waitForReboot(machine: Machine, before: string | undefined, context: Context): Promise<void> {
  const { signal } = context;
  const deadline = Date.now() + rebootTimeoutMs;
  while (Date.now() < deadline) {
    const boot = await bootIdOf(machine, context).catch(unlessAborted);
    if (boot !== undefined && boot !== before) return;
    await sleep(500, undefined, { signal });
  }
  throw new ExternalError(
    `${machine.name} has not rebooted ${rebootTimeoutMs / 1000} s after the restart request`,
  );
}

/** What is another after each boot: the kernel's own mark, and in a container, which has none of its own, when its first process began. */
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
