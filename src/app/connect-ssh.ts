import { setTimeout as sleep } from 'node:timers/promises';
import { ExternalError, UserError } from '../base/errors.js';
import type { Driver } from '../drivers/driver.js';
import {
  hasNoSsh,
  type JumpHost,
  type Machine,
  type MachineState,
  type ObservedMachine,
  reachAddress,
  type SshAccess,
} from '../machines/model/machine.js';
import { jumpName } from '../machines/model/ssh-host.js';
import type { Connection, SshTarget } from '../ssh/index.js';
import type { Context } from './context.js';

/** @throws UserError if the machine has no address yet, or is a local socket */
export function addressOf(machine: Machine): string {
  const address = reachAddress(machine);
  if (address) return address;
  if (hasNoSsh(machine))
    throw new UserError(
      `${machine.name} has no address: it is known by its URL alone, ${machine.driverData['URL']}`,
    );
  throw new UserError(`${machine.name} has no address yet because its creation did not finish`, {
    hint: `rerun the same "belt create" to finish it, or: belt rm ${machine.name}`,
  });
}

/** @throws UserError if the machine has no address or no SSH */
export function sshTarget(machine: Machine): SshTarget {
  if (hasNoSsh(machine)) {
    throw new UserError(
      `${machine.name} is known only by its URL (driver ${machine.driver}), so belt cannot log in`,
      {
        hint: `belt rm ${machine.name}, then belt create -d generic --generic-ip-address ADDRESS ${machine.name}`,
      },
    );
  }
  const { jump, ...ssh } = machine.ssh;
  const target: SshTarget = { name: machine.name, host: addressOf(machine), ...ssh };
  return jump ? { ...target, jump: jumpTarget(jump, ssh) } : target;
}

function jumpTarget(
  { jump, ...host }: JumpHost,
  { keyPath, certificatePath }: Pick<SshAccess, 'keyPath' | 'certificatePath'>,
): SshTarget {
  const keys = {
    ...(keyPath !== undefined && { keyPath }),
    ...(certificatePath !== undefined && { certificatePath }),
  };
  const target: SshTarget = { name: jumpName(host), ...(host.keyPath === undefined && keys), ...host };
  return jump ? { ...target, jump: jumpTarget(jump, keys) } : target;
}

/** A server that runs usually answers sooner. */
const slowConnectionMs = 1_000;
/** For machines of one driver, to be queried at the same time. */
const batchMs = 50;

/** Shares one connection per run. @throws NotRunningError; UserError; ExternalError */
export async function reach(machine: Machine, context: Context): Promise<Connection> {
  const ssh = await context.ssh();
  const connected = new AbortController();
  try {
    return await Promise.race([
      ssh.connect(sshTarget(machine), { signal: context.signal }),
      rejectWhenOff(machine, context, connected.signal),
    ]);
  } catch (error) {
    if (error instanceof ExternalError) refuseUnlessRunning(machine, await stateOf(machine, context));
    throw error;
  } finally {
    connected.abort();
  }
}

/** The provider knows sooner than a timeout that a machine is off. Never resolves. */
async function rejectWhenOff(machine: Machine, context: Context, connected: AbortSignal): Promise<never> {
  const isSlow = await sleep(slowConnectionMs, true, { signal: connected }).catch(() => false);
  const state = isSlow ? await stateOf(machine, context) : undefined;
  if (state !== undefined && offStates.has(state)) refuseUnlessRunning(machine, state);
  return new Promise(() => {});
}

/** Without those from which a machine comes up by itself. */
const offStates: ReadonlySet<MachineState> = new Set(['stopped', 'saved', 'paused', 'missing']);

/** Machines whose states are requested at the same time, by driver. */
const batches = new WeakMap<Driver, { machines: Machine[]; observed: Promise<ObservedMachine[]> }>();

async function stateOf(machine: Machine, context: Context): Promise<MachineState | undefined> {
  const driver = await context.driver(machine.driver);
  // An adopted machine may be off, missing, or without an SSH server: belt cannot know.
  if (driver.adopt) return undefined;
  let batch = batches.get(driver);
  if (!batch) {
    const machines: Machine[] = [];
    const observed = sleep(batchMs).then(() => {
      batches.delete(driver);
      return driver.list(machines, context.signal);
    });
    batch = { machines, observed };
    batches.set(driver, batch);
  }
  batch.machines.push(machine);
  const observed = await batch.observed.catch(() => []);
  return observed.find(({ name }) => name === machine.name)?.state;
}

/** The provider reports that the machine is off or missing. */
export class NotRunningError extends UserError {}

/** @throws NotRunningError */
function refuseUnlessRunning({ name, driver }: Machine, state: MachineState | undefined): void {
  if (state === undefined || state === 'running') return;
  if (state === 'missing') {
    throw new NotRunningError(`${name} does not exist: ${driver} has no such machine`, {
      hint: `belt rm ${name}`,
    });
  }
  throw new NotRunningError(`${name} is ${state}`, { hint: `belt start ${name}` });
}
