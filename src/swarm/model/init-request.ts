import { UsageError } from '../../base/errors.js';
import type { ExternalCa } from './external-ca.js';
import { parseIpv4Range } from './machine-network.js';
import type { NodeAddresses } from './node-addresses.js';
import { withManagerPort } from './node-addresses.js';
import { parseDuration } from './parse-duration.js';

/** docker's own options of `swarm init`, as they are written; what is absent is the engine's to choose. */
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
 * The body of `POST /swarm/init`: what is given goes before what belt knows of the machine.
 * @throws UsageError for a duration or a pool that is none
 */
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
    // Without a word on it, traffic goes where the node is advertised.
    DataPathAddr: dataPathAddress ?? (advertiseAddress === undefined ? own?.dataPath : undefined),
    DataPathPort: options.dataPathPort,
    DefaultAddrPool: addressPools && parseAddressPools(addressPools),
    SubnetSize: addressPoolMask,
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
      NodeCertExpiry: expiry && parseDuration(expiry, '--cert-expiry'),
      ExternalCAs: externalCas.length > 0 ? externalCas : undefined,
    }),
    EncryptionConfig: withoutUndefined({ AutoLockManagers: autolock }),
  };
  return Object.fromEntries(Object.entries(spec).filter(([, part]) => Object.keys(part).length > 0));
}

/** docker takes several with commas, too. */
export function parseAddressPools(texts: readonly string[]): string[] {
  const pools = texts.flatMap((text) => text.split(',')).map((text) => text.trim());
  for (const pool of pools) {
    const known = pool.includes(':')
      ? /^[\da-f:.]+\/\d+$/i.test(pool)
      : parseIpv4Range(pool) && pool.includes('/');
    if (!known)
      throw new UsageError(`--default-addr-pool: "${pool}" is no network`, {
        hint: 'for example 10.20.0.0/16',
      });
  }
  return pools;
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
