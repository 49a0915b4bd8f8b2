import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import type { EngineApi } from '../engine/api.js';
import type { Machine } from '../machines/model/machine.js';
import { membershipOf, withEngine } from './membership.js';
import { initializedMessage, unlockKeyText } from './model/docker-messages.js';
import { type ExternalCa, parseExternalCa } from './model/external-ca.js';
import { createInitRequest, type InitOptions, parseAddressPools } from './model/init-request.js';
import { findOverlap, type Route } from './model/machine-network.js';
import { chooseNodeAddresses, withManagerPort } from './model/node-addresses.js';
import { hasQuorum, reachabilityText, tallyManagers } from './model/quorum.js';
import { findMovedManagers, movedWarning } from './moved-managers.js';
import { networkOf, requireAddress } from './node-network.js';
import { afterForcedCluster } from './recovery/force-new-cluster.js';
import { requireNoLiveRestore } from './require-no-live-restore.js';
import { worseView } from './require-quorum.js';
import { withSwarm } from './session.js';
import { stableSwarm } from './stable-view.js';

export interface SwarmInit {
  manager: string;
  nodeId: string;
  /** `host:port` */
  address: string;
  unlockKey?: string;
  message: string;
}

export interface InitInput extends InitOptions {
  /** In docker's format, `protocol=cfssl,url=https://...`. */
  externalCas?: readonly string[] | undefined;
  /** With `forceNewCluster`: ignores other managers. */
  force?: boolean | undefined;
}

/** 256 networks of the default pool (swarmkit, `DefaultAddressPool`). */
const firstNetworks = '10.0.0.0/16';

/**
 * The machine becomes the active machine if there is none.
 * @throws UserError when it is in a swarm, or a pool overlaps its networks; with `forceNewCluster`,
 * unless `force`, when its swarm has other managers and a leader; ExternalError during an election
 */
export async function initSwarm(machine: Machine, options: InitInput, context: Context): Promise<SwarmInit> {
  requireAddress(machine);
  const { addresses, routes } = await networkOf(machine, context);
  const own = chooseNodeAddresses(machine, addresses);
  const request = createInitRequest(options, own, await externalCasOf(options));
  checkPools(options, routes, machine, context);
  if (options.forceNewCluster) await requireNoOtherManagers(machine, options, context);
  const done = await withEngine(machine, context, async (api) => {
    if (!options.forceNewCluster) await requireReadyForSwarm(machine, api, context);
    const nodeId = await api.initSwarm(request, { signal: context.signal });
    const address =
      options.advertiseAddress === undefined && own
        ? withManagerPort(own.advertise)
        : await reportedAddress(api);
    return { nodeId, address, ...(options.autolock && { unlockKey: await api.unlockKey() }) };
  });
  if (options.forceNewCluster) {
    await afterForcedCluster(machine, done.nodeId, context);
    await warnOfOldAddress(machine, context);
  }
  const words = [initializedMessage(done.nodeId), ...(done.unlockKey ? [unlockKeyText(done.unlockKey)] : [])];
  if (!(await context.cluster.activeMachine())) await context.cluster.setActiveMachine(machine.name);
  return { manager: machine.name, ...done, message: words.join('\n\n') };
}

/** `--force-new-cluster` keeps the address in the raft state. */
async function warnOfOldAddress(manager: Machine, context: Context): Promise<void> {
  const members = await withSwarm({ manager }, context, (swarm) => swarm.members());
  for (const moved of await findMovedManagers(members, context)) context.reporter.warn(movedWarning(moved));
}

/** The other managers would remain a swarm with the same id and nodes. */
async function requireNoOtherManagers(
  machine: Machine,
  { force = false }: InitInput,
  context: Context,
): Promise<void> {
  const swarm = await stableSwarm(machine, { force, noWait: force }, context);
  const own = swarm?.members.find((member) => member.machine?.name === machine.name)?.node.id;
  const view = swarm && worseView(swarm, (managers) => hasQuorum(tallyManagers(managers)));
  if (!view?.some(({ id, reachable }) => reachable && id !== own)) return;
  const objection = `the swarm of ${machine.name} still has other managers: ${reachabilityText(tallyManagers(view))}`;
  if (!force)
    throw new UserError(objection, {
      hint: 'belt swarm demote NODES, or --force to continue without the others',
    });
  context.reporter.warn(
    `${objection}; --force: they remain a second swarm of the same nodes until they leave it: belt swarm leave --force NODES`,
  );
}

async function requireReadyForSwarm(machine: Machine, api: EngineApi, context: Context): Promise<void> {
  const membership = await membershipOf(api);
  if (membership.state === 'inactive') return requireNoLiveRestore(machine, membership, context);
  const { name } = machine;
  throw new UserError(`${name} is already part of a swarm`, { hint: `belt swarm ls ${name}` });
}

/** The option may name an interface, so the engine reports the address. */
async function reportedAddress(api: EngineApi): Promise<string> {
  const { managers, nodeAddress } = await membershipOf(api);
  return managers[0] ?? withManagerPort(nodeAddress);
}

function externalCasOf({ externalCas = [] }: InitInput): Promise<ExternalCa[]> {
  return Promise.all(externalCas.map((text) => parseExternalCa(text, certificateIn)));
}

async function certificateIn(path: string): Promise<string> {
  const text = await readText(path);
  if (text === undefined) throw new UserError(`--external-ca: ${path} does not exist`);
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new UserError(`--external-ca: ${path} is not a PEM certificate`);
  return text;
}

/** Pools are permanent, and containers cannot reach networks that overlap one. */
function checkPools(
  { addressPools, addressPoolMask }: InitInput,
  routes: readonly Route[],
  { name }: Machine,
  { reporter }: Context,
): void {
  for (const pool of parseAddressPools(addressPools ?? [], addressPoolMask)) {
    const route = findOverlap(pool, routes);
    if (!route) continue;
    throw new UserError(
      `the address pool ${pool} overlaps a network of ${name}: ${route.network} (${route.device})`,
      { hint: 'choose another pool: it cannot be changed later' },
    );
  }
  const route = addressPools === undefined ? findOverlap(firstNetworks, routes) : undefined;
  if (!route) return;
  reporter.warn(
    `docker's default address pool (10.0.0.0/8) overlaps a network of ${name}: ${route.network} (${route.device}); to use another pool: belt swarm init --default-addr-pool`,
  );
}
