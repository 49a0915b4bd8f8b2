import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import type { EngineApi } from '../engine/api.js';
import type { Machine } from '../machines/model/machine.js';
import { readUnlockKey } from './autolock.js';
import { membershipOf, withEngine } from './membership.js';
import { initializedMessage, unlockKeyText } from './model/docker-messages.js';
import { type ExternalCa, parseExternalCa } from './model/external-ca.js';
import { createInitRequest, type InitOptions, parseAddressPools } from './model/init-request.js';
import { findOverlap, type Route } from './model/machine-network.js';
import { chooseNodeAddresses, withManagerPort } from './model/node-addresses.js';
import { hasQuorum, reachabilityText, tallyManagers } from './model/quorum.js';
import { networkOf, requireAddress } from './node-network.js';
import { worseView } from './require-quorum.js';
import { stableSwarm } from './stable-view.js';

export interface SwarmInit {
  manager: string;
  nodeId: string;
  /** `host:port` that other nodes join at. */
  address: string;
  /** What unlocks a manager that was restarted, where that is asked for. */
  unlockKey?: string;
  /** docker's own words. */
  message: string;
}

export interface InitInput extends InitOptions {
  /** As docker writes them: `protocol=cfssl,url=https://...`. */
  externalCas?: readonly string[] | undefined;
  /** Makes the machine the only manager even of a swarm that goes on with others. */
  force?: boolean | undefined;
}

/** What the engine gives out where no pool is named (swarmkit, `DefaultAddressPool` 10.0.0.0/8): its first 256 networks. */
const firstNetworks = '10.0.0.0/16';

/**
 * Begins a swarm on a machine; it becomes the active host where none is chosen yet.
 * @throws UserError when it is in one already, or when an address pool is a network of its own; with `forceNewCluster`, unless `force`, when
 * its swarm has other managers and a leader; ExternalError when they elect one
 */
export async function initSwarm(machine: Machine, options: InitInput, context: Context): Promise<SwarmInit> {
  requireAddress(machine);
  const { addresses, routes } = await networkOf(machine, context);
  const own = chooseNodeAddresses(machine, addresses);
  const request = createInitRequest(options, own, await externalCasOf(options));
  checkPools(options, routes, machine, context);
  if (options.forceNewCluster) await requireNoOtherManagers(machine, options, context);
  const done = await withEngine(machine, context, async (api) => {
    if (!options.forceNewCluster) await requireNoSwarm(machine.name, api);
    const nodeId = String(await api.post('/swarm/init', request, { signal: context.signal }));
    const address =
      options.advertiseAddress === undefined && own ? withManagerPort(own.advertise) : await reportedAddress(api);
    return { nodeId, address, ...(options.autolock && { unlockKey: await readUnlockKey(api) }) };
  });
  const words = [initializedMessage(done.nodeId), ...(done.unlockKey ? [unlockKeyText(done.unlockKey)] : [])];
  if (!(await context.cluster.activeHost())) await context.cluster.setActiveHost(machine.name);
  return { manager: machine.name, ...done, message: words.join('\n\n') };
}

/** The others would go on as the same swarm, with a leader of their own, and its nodes with them. */
async function requireNoOtherManagers(
  machine: Machine,
  { force = false }: InitInput,
  context: Context,
): Promise<void> {
  const swarm = await stableSwarm(machine, { force, noWait: force }, context);
  const own = swarm?.members.find((member) => member.machine?.name === machine.name)?.node.id;
  const view = swarm && worseView(swarm, (managers) => hasQuorum(tallyManagers(managers)));
  if (!view?.some(({ id, reachable }) => reachable && id !== own)) return;
  const objection = `the swarm of ${machine.name} goes on with others: ${reachabilityText(tallyManagers(view))}`;
  if (!force)
    throw new UserError(objection, {
      hint: 'take managers away with belt swarm demote NODES; or begin anew without the others all the same: --force',
    });
  context.reporter.warn(
    `${objection}; --force: they go on as another swarm of the same nodes, until they leave it: belt swarm leave --force NODES`,
  );
}

async function requireNoSwarm(name: string, api: EngineApi): Promise<void> {
  const { state } = await membershipOf(api);
  if (state === 'inactive') return;
  throw new UserError(`${name} is in a swarm already`, { hint: `see it: belt swarm ls ${name}` });
}

/** What the engine has made of an address that was given, which may be the name of an interface. */
async function reportedAddress(api: EngineApi): Promise<string> {
  const { managers, nodeAddress } = await membershipOf(api);
  return managers[0] ?? withManagerPort(nodeAddress);
}

function externalCasOf({ externalCas = [] }: InitInput): Promise<ExternalCa[]> {
  return Promise.all(externalCas.map((text) => parseExternalCa(text, certificateIn)));
}

async function certificateIn(path: string): Promise<string> {
  const text = await readText(path);
  if (text === undefined) throw new UserError(`--external-ca: ${path} is not there`);
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new UserError(`--external-ca: ${path} is no certificate in PEM format`);
  return text;
}

/** A pool stays for the swarm's life, and where it is the machine's own network too, containers cannot reach that. */
function checkPools(
  { addressPools }: InitInput,
  routes: readonly Route[],
  { name }: Machine,
  { reporter }: Context,
): void {
  for (const pool of parseAddressPools(addressPools ?? [])) {
    const route = findOverlap(pool, routes);
    if (!route) continue;
    throw new UserError(
      `the address pool ${pool} overlaps a network of ${name}: ${route.network} (${route.device})`,
      { hint: 'choose another; it cannot be changed later' },
    );
  }
  const route = addressPools === undefined ? findOverlap(firstNetworks, routes) : undefined;
  if (!route) return;
  reporter.warn(
    `docker's own address pool (10.0.0.0/8) overlaps a network of ${name}: ${route.network} (${route.device}); for another, begin the swarm with --default-addr-pool`,
  );
}
