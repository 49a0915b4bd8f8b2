import { UsageError } from '../../base/errors.js';
import { toNetwork } from '../../base/ip-addresses.js';
import type { ExternalCa } from './external-ca.js';
import { findOverlap } from './machine-network.js';
import type { NodeAddresses } from './node-addresses.js';
import { withManagerPort } from './node-addresses.js';
import { parseDuration } from './parse-duration.js';

/** The engine chooses what is undefined. */
export interface InitOptions {
  advertiseAddress?: string | undefined;
  listenAddress?: string | undefined;
  dataPathAddress?: string | undefined;
  dataPathPort?: number | undefined;
  addressPools?: readonly string[] | undefined;
  addressPoolMask?: number | undefined;
  autolock?: boolean | undefined;
  availability?: string | undefined;
  certificateExpiry?: string | undefined;
  dispatcherHeartbeat?: string | undefined;
  forceNewCluster?: boolean | undefined;
  maxSnapshots?: number | undefined;
  snapshotInterval?: number | undefined;
  taskHistoryLimit?: number | undefined;
}

/**
 * Docker's client sends it, and a list of pools, even when they are not given (docker/cli,
 * swarm/init.go). With the engine's own 0, networks of a given pool have no subnet.
 */
const defaultAddressPoolMask = 24;
/** Of swarmkit (`MinNodeCertExpiration`). */
const minCertificateExpiry = '1h';

/** The body of `POST /swarm/init`. @throws UsageError for an invalid duration or address pool */
export function createInitRequest(
  options: InitOptions,
  own: NodeAddresses | undefined,
  externalCas: readonly ExternalCa[] = [],
): Record<string, unknown> {
  const { advertiseAddress, listenAddress, dataPathAddress, autolock, addressPools, addressPoolMask } =
    options;
  return withoutUndefined({
    ListenAddr: listenAddress === undefined ? own?.listen : withManagerPort(listenAddress),
    AdvertiseAddr: advertiseAddress ?? own?.advertise,
    DataPathAddr: dataPathAddress ?? (advertiseAddress === undefined ? own?.dataPath : undefined),
    DataPathPort: options.dataPathPort,
    DefaultAddrPool: parseAddressPools(addressPools ?? [], addressPoolMask),
    SubnetSize: addressPoolMask ?? defaultAddressPoolMask,
    ForceNewCluster: options.forceNewCluster,
    Availability: options.availability,
    AutoLockManagers: autolock,
    Spec: createSpec(options, externalCas),
  });
}

function createSpec(options: InitOptions, externalCas: readonly ExternalCa[]): Record<string, unknown> {
  const { autolock, certificateExpiry: expiry, dispatcherHeartbeat: heartbeat } = options;
  const spec = {
    Orchestration: withoutUndefined({ TaskHistoryRetentionLimit: options.taskHistoryLimit }),
    Raft: withoutUndefined({
      KeepOldSnapshots: options.maxSnapshots,
      SnapshotInterval: options.snapshotInterval,
    }),
    Dispatcher: withoutUndefined({
      HeartbeatPeriod: heartbeat && parseDuration(heartbeat, '--dispatcher-heartbeat'),
    }),
    CAConfig: withoutUndefined({
      NodeCertExpiry: expiry && parseCertificateExpiry(expiry),
      ExternalCAs: externalCas.length > 0 ? externalCas : undefined,
    }),
    EncryptionConfig: withoutUndefined({ AutoLockManagers: autolock }),
  };
  return Object.fromEntries(Object.entries(spec).filter(([, part]) => Object.keys(part).length > 0));
}

function parseCertificateExpiry(text: string): number {
  const what = '--cert-expiry';
  const expiry = parseDuration(text, what);
  if (expiry >= parseDuration(minCertificateExpiry, what)) return expiry;
  throw new UsageError(`${what}: ${text} is too short: the minimum is ${minCertificateExpiry}`, {
    hint: `${what} 2160h (90 days, the default)`,
  });
}

/**
 * Each may hold several, separated by commas.
 * @returns their network addresses, as docker's client sends them: `10.20.3.4/16` is `10.20.0.0/16`
 */
export function parseAddressPools(texts: readonly string[], mask = defaultAddressPoolMask): string[] {
  const pools = texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const pool = toNetwork(text.trim());
      if (pool !== undefined) return pool;
      throw new UsageError(`--default-addr-pool: invalid CIDR address: ${text.trim()}`, {
        hint: '--default-addr-pool 10.20.0.0/16',
      });
    });
  requireDisjoint(pools);
  requireRoom(
    pools.filter((pool) => !pool.includes(':')),
    mask,
  );
  return pools;
}

/** Each network gets a subnet of the mask's length. */
function requireRoom(pools: readonly string[], mask: number): void {
  const small = pools.find((pool) => prefixOf(pool) > mask);
  if (small === undefined) return;
  throw new UsageError(
    `--default-addr-pool: ${small} has no room for a network of --default-addr-pool-mask-length ${mask}`,
    { hint: `--default-addr-pool-mask-length ${Math.max(prefixOf(small), 28)}, or a larger pool` },
  );
}

function prefixOf(network: string): number {
  return Number(network.split('/')[1]);
}

/** Engines accept such pools, and would give networks the same addresses. */
function requireDisjoint(pools: readonly string[]): void {
  for (const [index, pool] of pools.entries()) {
    const others = pools.slice(index + 1).map((network) => ({ network, device: '' }));
    const other = findOverlap(pool, others)?.network;
    if (other !== undefined) throw new UsageError(`--default-addr-pool: ${pool} overlaps ${other}`);
  }
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
