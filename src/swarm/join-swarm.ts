import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { onEach } from '../app/for-each-machine.js';
import { coalesce } from '../base/single-flight.js';
import type { Machine } from '../machines/model/machine.js';
import type { NodeAvailability } from './change-availability.js';
import { joinNode, type JoinContext } from './join-node.js';
import { alreadyMemberMessage, joinedMessage } from './model/docker-messages.js';
import { managerCountAdvice } from './model/quorum.js';
import { type Role, readTokens } from './model/swarm-node.js';
import { type Swarm, withSwarm } from './session.js';

export interface JoinOptions {
  machines: readonly Machine[];
  role: Role;
  /** Absent: as the swarm has it, which is `active`. */
  availability?: NodeAvailability | undefined;
  /** Of managers: none after one that did not come. */
  stopAtFailure?: boolean;
  /** What is to be said of the number of managers has been said. */
  quiet?: boolean;
}

export interface JoinInput extends JoinOptions {
  /** A manager of the swarm that is meant; absent: the active machine's swarm. */
  manager?: Machine | undefined;
}

export interface JoinedMember {
  nodeId: string;
  role: Role;
  /** It was a member before. */
  already: boolean;
  /** docker's own words. */
  message: string;
}

/**
 * Makes machines members of a swarm: workers at the same time and spread over all managers, managers one after the other, since each
 * changes the quorum. A machine that is a member already stays one; a join that an earlier run began is finished.
 * @throws UserError when the manager is none
 */
export async function joinSwarm(
  { manager, ...joining }: JoinInput,
  context: Context,
): Promise<Outcome<JoinedMember>[]> {
  return withSwarm({ manager }, context, (swarm) => joinMembers(swarm, joining, context));
}

/** As `joinSwarm`, of a swarm that is asked already. */
export async function joinMembers(
  swarm: Swarm,
  { machines, role, availability, stopAtFailure = false, quiet = false }: JoinOptions,
  context: Context,
): Promise<Outcome<JoinedMember>[]> {
  const currentToken = coalesce(() => swarm.ask(async (api) => readTokens(await api.get('/swarm'))[role]));
  const joinContext: JoinContext = {
    swarm,
    role,
    availability,
    token: await currentToken(),
    currentToken,
    nodes: coalesce(() => swarm.nodes()),
  };
  const indexes = new Map(machines.map(({ name }, index) => [name, index]));
  const outcomes = await onEach<JoinedMember>(
    machines,
    {
      what: 'joined to a swarm',
      ...(role === 'manager' && { limit: 1, stopAtFailure }),
      doneText: ({ already, role: given }) => (already ? `is a ${given} already` : 'joined'),
      async run(machine, step) {
        const index = indexes.get(machine.name) ?? 0;
        const { nodeId, role: given, already } = await joinNode({ machine, index, step }, joinContext, context);
        return {
          nodeId,
          role: given,
          already,
          message: already ? alreadyMemberMessage(given) : joinedMessage(given),
        };
      },
    },
    context,
  );
  if (role === 'manager' && !quiet) await advise(swarm, context);
  return outcomes;
}

async function advise(swarm: Swarm, { reporter }: Context): Promise<void> {
  const managers = (await swarm.nodes()).filter(({ role }) => role === 'manager').length;
  for (const advice of managerCountAdvice(managers)) reporter.warn(advice);
}
