import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { quoteArgs } from '../base/quote-args.js';
import { clusterAddress, type Machine } from '../machines/model/machine.js';
import type { StreamOptions } from '../ssh/index.js';
import { withAdvertiseAddress } from '../swarm/model/docker-arguments.js';

export function dockerCommand(args: readonly string[], machine: Machine): string {
  return `${dockerProgram(machine.ssh.user)} ${quoteArgs(withOwnAddress(args, machine))}`.trimEnd();
}

/** `docker swarm init` and `join` advertise the machine's address for the cluster. */
export function withOwnAddress(args: readonly string[], machine: Machine): string[] {
  const address = clusterAddress(machine);
  return address === undefined ? [...args] : withAdvertiseAddress(args, address);
}

/** @returns docker's exit code */
export async function runDocker(
  args: readonly string[],
  machine: Machine,
  streams: StreamOptions,
  context: Context,
): Promise<number> {
  const connection = await reach(machine, context);
  return connection.stream(dockerCommand(args, machine), streams);
}

/** Arguments are appended. Uses `sudo -n` for a user outside of the group `docker`. */
export function dockerProgram(user: string): string {
  if (user === 'root') return 'exec docker';
  const line = 's=; [ -w /var/run/docker.sock ] || s="sudo -n"; exec $s docker "$@"';
  return `exec /bin/sh -c '${line}' docker`;
}
