import { ExternalError, UserError } from '../base/errors.js';
import {
  hasNoSsh,
  type JumpHost,
  type Machine,
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

/** Shares one connection per run. @throws UserError if the machine is off, else ExternalError */
export async function reach(machine: Machine, context: Context): Promise<Connection> {
  const ssh = await context.ssh();
  try {
    return await ssh.connect(sshTarget(machine), { signal: context.signal });
  } catch (error) {
    if (error instanceof ExternalError) await refuseIfOff(machine, context);
    throw error;
  }
}

/** Most unreachable machines are simply off, and the provider knows. */
async function refuseIfOff(machine: Machine, context: Context): Promise<void> {
  const driver = await context.driver(machine.driver);
  // An adopted machine may be off, missing, or without an SSH server: belt cannot know.
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
