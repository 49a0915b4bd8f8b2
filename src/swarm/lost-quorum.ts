import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { rethrowAbort } from '../base/errors.js';
import { withTimeout } from '../base/with-timeout.js';
import type { Machine, MachineState } from '../machines/model/machine.js';
import { managerState, ownStateTimeoutMs } from './membership.js';
import { hasQuorum, type Tally } from './model/quorum.js';
import { hostOf } from './model/swarm-node.js';
import { machinesAt, managerHosts } from './stable-view.js';

/** A machine as its provider and its engine report it. */
interface ReportedMachine {
  machine: Machine;
  state: MachineState;
  /** `active/manager`, ...; undefined without a response. */
  swarm?: string;
}

/** Without those from which a machine comes up by itself. */
const offStates: ReadonlySet<MachineState> = new Set(['stopped', 'saved', 'paused', 'missing']);

/**
 * Counts the managers of the swarm of `source`, if so many are switched off that the others cannot
 * elect a leader. Silent machines may be up: belt may be the only one that cannot reach them.
 * @returns undefined if they may, or when unknown. @throws AbortError
 */
export async function lostQuorum(
  source: ReportedMachine,
  reports: readonly ReportedMachine[],
  context: Context,
): Promise<Tally | undefined> {
  const find = source.swarm === managerState ? recordedManagerHosts : managerHosts;
  const hosts = await find(source.machine, context).catch(rethrowAbort);
  if (!hosts || hosts.length === 0) return undefined;
  const managers = machinesAt(
    hosts,
    reports.map(({ machine }) => machine),
  );
  const isOff = ({ machine, state }: ReportedMachine): boolean =>
    managers.includes(machine) && offStates.has(state);
  const off = reports.filter(isOff).length;
  if (hasQuorum({ managers: hosts.length, reachable: hosts.length - off })) return undefined;
  const answering = reports.filter(
    ({ machine, swarm }) => managers.includes(machine) && swarm === managerState,
  );
  return { managers: hosts.length, reachable: answering.length };
}

/** Without a leader, a manager's API blocks for 20 s, but its engine keeps a list of managers. */
const readRemotes = `sudo=; [ "$(id -u)" = 0 ] || sudo='sudo -n'
$sudo cat /var/lib/docker/swarm/state.json`;

async function recordedManagerHosts(machine: Machine, context: Context): Promise<string[]> {
  const { stdout } = await withTimeout(ownStateTimeoutMs, context.signal, async (signal) => {
    const connection = await (await context.ssh()).connect(sshTarget(machine), { signal });
    return connection.run(readRemotes, { signal });
  });
  const remotes = JSON.parse(stdout) as { addr?: string }[];
  return remotes.flatMap(({ addr }) => (addr === undefined ? [] : hostOf(addr)));
}
