import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { observe } from '../machines/list-machines.js';
import { hasNoSsh, type Machine } from '../machines/model/machine.js';
import { managerState, ownState, ownStateTimeoutMs, withEngineWithin } from './membership.js';
import { hasAddress } from './model/members.js';
import { hostOf, type Membership, readMembership } from './model/swarm-node.js';

export interface ProbedMachine {
  machine: Machine;
  /** `missing`: unknown to its provider. `inaccessible`: belt has no access to its engine. */
  state: 'responsive' | 'unresponsive' | 'missing' | 'inaccessible';
  membership?: Membership;
}

export async function probeMembership(
  machines: readonly Machine[],
  context: Context,
): Promise<ProbedMachine[]> {
  const within = machines.filter((machine) => !hasNoSsh(machine) && machine.phase === 'ready');
  const observed = new Map((await observe(within, context)).map((row) => [row.machine.name, row.state]));
  const off = ({ name }: Machine): boolean =>
    ['stopped', 'saved', 'paused', 'missing'].includes(observed.get(name) ?? '');
  const on = within.filter((machine) => !off(machine));
  const query = (machine: Machine): Promise<Membership> => ownMembership(machine, context);
  const { answers } = await queryAll(on, query, context.signal);
  const memberships = new Map(answers.map(({ subject, value }) => [subject.name, value]));
  return machines.map((machine) => {
    const membership = memberships.get(machine.name);
    if (membership) return { machine, state: 'responsive', membership };
    if (!within.includes(machine)) return { machine, state: 'inaccessible' };
    return { machine, state: observed.get(machine.name) === 'missing' ? 'missing' : 'unresponsive' };
  });
}

/** Without a quorum, a manager blocks `GET /info` but reports its short state. */
async function ownMembership(machine: Machine, context: Context): Promise<Membership> {
  const ownSummary = await ownState(machine, ownStateTimeoutMs, context);
  const [state = ''] = ownSummary.split('/');
  const short = readMembership({
    Swarm: { LocalNodeState: state, ControlAvailable: ownSummary === managerState },
  });
  if (short.state === 'inactive') return short;
  const query = withEngineWithin(machine, ownStateTimeoutMs, context, async (api, signal) =>
    readMembership(await api.info({ signal })),
  );
  return query.catch((error) => {
    context.signal.throwIfAborted();
    if (short.manager) return short;
    throw error;
  });
}

/** Why a machine must stay while its swarm cannot be queried: it is or may be a manager. */
export function reasonToKeep(
  { machine, state, membership }: ProbedMachine,
  leaving: readonly ProbedMachine[],
  staying: readonly ProbedMachine[],
): string | undefined {
  const { name } = machine;
  if (membership?.manager || membership?.state === 'locked')
    return `${name} is a manager of a swarm that cannot be queried`;
  if (state === 'responsive') return undefined;
  const known = [...leaving, ...staying].flatMap((other) => other.membership?.managers ?? []);
  if (known.some((manager) => hasAddress(machine, hostOf(manager))))
    return `${name} is a manager of a swarm that cannot be queried`;
  return staying.some(isUnsure) ? `${name} may be a manager of a swarm that cannot be queried` : undefined;
}

/** Without a quorum, the managers that it knows cannot be read. */
function isUnsure({ state, membership }: ProbedMachine): boolean {
  return state === 'unresponsive' || (membership?.state === 'active' && membership.managers.length === 0);
}
