import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { ExternalError, explanationOf } from '../base/errors.js';
import { observe } from '../machines/list-machines.js';
import { isOnlyUrl, type Machine } from '../machines/model/machine.js';
import { managerState, ownState, ownStateTimeoutMs } from './membership.js';
import { named } from './model/members.js';
import {
  certificateWarnings,
  createOverview,
  managerCounts,
  type NodeCertificates,
  noQuorumWarning,
  type SwarmOverview,
} from './model/swarm-overview.js';
import { nodeCertificates } from './node-certificates.js';
import { NoQuorumError } from './require-quorum.js';
import { type Swarm, withSwarm } from './session.js';
import { type Look, lookAt, lookUntilSettled, settledMembers } from './stable-view.js';

export interface SwarmStatus extends SwarmOverview {
  /** Absent where no manager has a quorum, as is all that only a leader knows. */
  id?: string;
  /** The manager that was asked. */
  asked?: string;
  certificates?: NodeCertificates;
  /** Without a quorum: what each machine of the cluster says of itself. */
  machines: OwnWord[];
}

export interface OwnWord {
  name: string;
  /** As its provider has it. */
  state: string;
  /** `inactive`, `active/manager`, ...; absent where it gave no answer. */
  swarm?: string;
  error?: string;
}

/**
 * How a swarm of the cluster is. Without a quorum there is nobody to ask for the whole: each machine is asked for its own part then.
 * @param manager absent: the active machine, or another that answers as a manager
 * @throws UserError when there is no swarm, or the machine named is no manager; ExternalError, AbortError
 */
export async function swarmStatus(manager: Machine | undefined, context: Context): Promise<SwarmStatus> {
  const byLeader = (): Promise<SwarmStatus> =>
    withSwarm({ manager, impatient: true }, context, (swarm) => statusOf(swarm, context));
  try {
    return await byLeader();
  } catch (error) {
    if (!(error instanceof NoQuorumError || error instanceof ExternalError)) throw error;
    const words = await ownWords(context);
    const speaker = speakerAmong(words);
    if (!speaker) throw error;
    const look = speaker.swarm === managerState ? lookUntilSettled : lookAt;
    const { settled, present } = await look(speaker.machine, context);
    if (settled) return byLeader();
    return statusByWords(words, present);
  }
}

async function statusOf(swarm: Swarm, context: Context): Promise<SwarmStatus> {
  const settled = await settledMembers(swarm, context);
  const members = named(settled.members);
  const present = new Set(settled.managers.filter(({ reachable }) => reachable).map(({ id }) => id));
  const overview = createOverview(members, present);
  const asked = members.filter(({ node }) => node.role === 'worker' || present.has(node.id));
  const certificates = await nodeCertificates(swarm, asked, context);
  return {
    id: swarm.id,
    asked: swarm.manager.name,
    ...overview,
    certificates,
    warnings: [...overview.warnings, ...certificateWarnings(certificates)],
    // A leader takes some seconds to notice that it leads nobody any more.
    machines: overview.quorum ? [] : (await ownWords(context)).map(shown),
  };
}

interface Word extends OwnWord {
  machine: Machine;
}

/** Each machine for itself, at the same time and in bounded time; those that do not run are not asked. */
async function ownWords(context: Context): Promise<Word[]> {
  const { machines } = await context.cluster.machines();
  const rows = await observe(
    machines.filter((machine) => !isOnlyUrl(machine)),
    context,
  );
  const running = rows.filter(({ state }) => state === 'running').map(({ machine }) => machine);
  const query = (machine: Machine): Promise<string> => ownState(machine, ownStateTimeoutMs, context);
  const { answers, failed } = await queryAll(running, query, context.signal);
  const states = new Map(answers.map(({ subject, value }) => [subject.name, value]));
  const errors = new Map(failed.map(({ subject, error }) => [subject.name, explanationOf(error)]));
  return rows.map(({ machine, state }) => {
    const { name } = machine;
    const swarm = states.get(name);
    const error = errors.get(name);
    return {
      name,
      machine,
      state,
      ...(swarm !== undefined && { swarm }),
      ...(error !== undefined && { error }),
    };
  });
}

/** Who knows most of a swarm without a leader: a manager, else a worker, who knows its managers too. */
function speakerAmong(words: readonly Word[]): Word | undefined {
  return (
    words.find(({ swarm }) => swarm === managerState) ??
    words.find(({ swarm = 'inactive' }) => swarm !== 'inactive')
  );
}

function statusByWords(words: readonly Word[], present: Look['present']): SwarmStatus {
  const { managers, answering } = present ?? { managers: 0, answering: 0 };
  return {
    quorum: false,
    managers: { ...managerCounts({ managers, reachable: answering }), nodes: [] },
    groups: [],
    places: [],
    warnings: [noQuorumWarning],
    machines: words.map(shown),
  };
}

function shown({ machine: _, ...word }: Word): OwnWord {
  return word;
}
