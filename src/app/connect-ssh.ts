import { ExternalError, UserError } from '../base/errors.js';
import { hasNoSsh, type JumpHost, type Machine, reachAddress } from '../machines/model/machine.js';
import type { Connection, SshTarget } from '../ssh/index.js';
import type { Context } from './context.js';

/** Where people and belt reach the machine. @throws UserError when it has no address yet, or is a local socket */
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

/** How to reach a machine over SSH. @throws UserError without an address, or for a machine without SSH */
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
  if (!jump) return target;
  const { keyPath } = ssh;
  return { ...target, jump: { name: jumpName(jump), ...jump, ...(keyPath !== undefined && { keyPath }) } };
}

/** A jump host's entry in known_hosts, which no machine's name can look like. */
function jumpName({ host, port }: JumpHost): string {
  return `[${host}]:${port}`;
}

/**
 * A connection to the machine, shared by all who ask in this run.
 * @throws UserError when the machine is known to be off; ExternalError with the last cause otherwise.
 */
export async function reach(machine: Machine, context: Context): Promise<Connection> {
  const ssh = await context.ssh();
  try {
    return await ssh.connect(sshTarget(machine), { signal: context.signal });
  } catch (error) {
    if (error instanceof ExternalError) await refuseIfOff(machine, context);
    throw error;
  }
}

/** Most machines that do not answer are simply off; the provider knows. */
async function refuseIfOff(machine: Machine, context: Context): Promise<void> {
  const driver = await context.driver(machine.driver);
  // One that is not belt's own may be off, or gone, or its SSH server may be: only the obstacle itself is sure.
  if (driver.adopt) return;
  const observed = await driver.list([machine], context.signal).catch(() => []);
  const state = observed.find(({ name }) => name === machine.name)?.state;
  if (state === undefined || state === 'running') return;
  if (state === 'missing') {
    throw new UserError(`${machine.name} does not exist: ${machine.driver} has no such machine`, {
      hint: `belt rm ${machine.name}`,
    });
  }
  throw new UserError(`${machine.name} is ${state}`, { hint: `belt start ${machine.name}` });
}
