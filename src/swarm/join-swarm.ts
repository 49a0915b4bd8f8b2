import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { runTasks } from '../app/run-tasks.js';
import { coalesce } from '../base/single-flight.js';
import type { Machine } from '../machines/model/machine.js';
import type { NodeAvailability } from './change-availability.js';
import { type JoinContext, joinNode } from './join-node.js';
import {
  alreadyMemberMessage,
  joinCommandText,
  joinedMessage,
  rotatedTokenText,
} from './model/docker-messages.js';
import { managerCountAdvice } from './model/quorum.js';
import { managerAddresses, type Role } from './model/swarm-node.js';
import { findMovedManagers, movedWarning } from './moved-managers.js';
import { type Swarm, withSwarm } from './session.js';

interface JoinOptions {
  machines: readonly Machine[];
  role: Role;
  /** Default: `active`. */
  availability?: NodeAvailability | undefined;
  /** For managers: a failure skips the rest. */
  stopAtFailure?: boolean;
  /** Omits the advice on the number of managers. */
  quiet?: boolean;
}

interface JoinInput extends JoinOptions {
  /** A manager of the swarm; default: the active machine's swarm. */
  manager?: Machine | undefined;
}

export interface JoinedMember {
  nodeId: string;
  role: Role;
  already: boolean;
  message: string;
}

/**
 * Workers join in parallel, managers one at a time, since each changes the quorum. Idempotent.
 * @throws UserError when `manager` is not a manager
 */
export async function joinSwarm(
  { manager, ...joining }: JoinInput,
  context: Context,
): Promise<Outcome<JoinedMember>[]> {
  return withSwarm({ manager }, context, (swarm) => joinMembers(swarm, joining, context));
}

export async function joinMembers(
  swarm: Swarm,
  { machines, role, availability, stopAtFailure = false, quiet = false }: JoinOptions,
  context: Context,
): Promise<Outcome<JoinedMember>[]> {
  const members = await swarm.members();
  const moved = await findMovedManagers(members, context);
  for (const manager of moved) context.reporter.warn(movedWarning(manager));
  const currentToken = coalesce(() => swarm.request((api) => api.joinToken(role)));
  const joinContext: JoinContext = {
    swarm,
    role,
    availability,
    token: await currentToken(),
    currentToken,
    nodes: coalesce(() => swarm.nodes()),
    moved,
  };
  const indexes = new Map(machines.map(({ name }, index) => [name, index]));
  const outcomes = await runTasks<JoinedMember>(
    machines,
    {
      activity: 'joined to a swarm',
      ...(role === 'manager' && { limit: 1, stopAtFailure }),
      doneText: ({ already, role: given }) => (already ? `already a ${given}` : 'joined'),
      async run({ subject: machine, step }) {
        const index = indexes.get(machine.name) ?? 0;
        const {
          nodeId,
          role: given,
          already,
        } = await joinNode({ machine, index, step }, joinContext, context);
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

export interface JoinToken {
  role: Role;
  /** A secret. */
  token: string;
  /** `host:port` of a manager. */
  address: string;
  rotated: boolean;
  message: string;
}

/** @param rotate replaces the token */
export async function joinToken(
  role: Role,
  { rotate }: { rotate: boolean },
  context: Context,
): Promise<JoinToken> {
  return withSwarm({}, context, async (swarm) => {
    const rotation = role === 'manager' ? 'rotateManagerToken' : 'rotateWorkerToken';
    if (rotate) await swarm.request((api) => api.updateSwarm((spec) => spec, rotation));
    const token = await swarm.request((api) => api.joinToken(role));
    const [address = ''] = managerAddresses(await swarm.nodes());
    const command = joinCommandText(role, token, address);
    const message = rotate ? `${rotatedTokenText(role)}\n\n${command}` : command;
    return { role, token, address, rotated: rotate, message };
  });
}
