import { UsageError } from '../../base/errors.js';
import { parseDuration } from './duration.js';
import type { ExternalCa } from './external-ca.js';
import { rangeOf } from './machine-network.js';
import type { NodeAddresses } from './node-addresses.js';
import { withPort } from './node-addresses.js';

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
export function initRequest(
  options: InitOptions,
  own: NodeAddresses | undefined,
  externalCas: readonly ExternalCa[] = [],
): Record<string, unknown> {
  const { advertiseAddress, listenAddress, dataPathAddress, autolock, addressPools, addressPoolMask } =
    options;
  return withoutAbsent({
    ListenAddr: listenAddress === undefined ? own?.listen : withPort(listenAddress),
    AdvertiseAddr: advertiseAddress ?? own?.advertise,
    // Without a word on it, traffic goes where the node is advertised.
    DataPathAddr: dataPathAddress ?? (advertiseAddress === undefined ? own?.dataPath : undefined),
    DataPathPort: options.dataPathPort,
    DefaultAddrPool: addressPools && poolsOf(addressPools),
    SubnetSize: addressPoolMask,
    ForceNewCluster: options.forceNewCluster,
    Availability: options.availability,
    AutoLockManagers: autolock,
    Spec: specOf(options, externalCas),
  });
}

function specOf(options: InitOptions, externalCas: readonly ExternalCa[]): Record<string, unknown> {
  const { autolock, certificateExpiry: expiry, dispatcherHeartbeat: heartbeat } = options;
  const spec = {
    Orchestration: withoutAbsent({ TaskHistoryRetentionLimit: options.taskHistoryLimit }),
    Raft: withoutAbsent({
      KeepOldSnapshots: options.maxSnapshots,
      SnapshotInterval: options.snapshotInterval,
    }),
    Dispatcher: withoutAbsent({
      HeartbeatPeriod: heartbeat && parseDuration(heartbeat, '--dispatcher-heartbeat'),
    }),
    CAConfig: withoutAbsent({
      NodeCertExpiry: expiry && parseDuration(expiry, '--cert-expiry'),
      ExternalCAs: externalCas.length > 0 ? externalCas : undefined,
    }),
    EncryptionConfig: withoutAbsent({ AutoLockManagers: autolock }),
  };
  return Object.fromEntries(Object.entries(spec).filter(([, part]) => Object.keys(part).length > 0));
}

/** docker takes several with commas, too. */
export function poolsOf(texts: readonly string[]): string[] {
  const pools = texts.flatMap((text) => text.split(',')).map((text) => text.trim());
  for (const pool of pools) {
    const known = pool.includes(':') ? /^[\da-f:.]+\/\d+$/i.test(pool) : rangeOf(pool) && pool.includes('/');
    if (!known)
      throw new UsageError(`--default-addr-pool: "${pool}" is no network`, {
        hint: 'for example 10.20.0.0/16',
      });
  }
  return pools;
}

function withoutAbsent(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
