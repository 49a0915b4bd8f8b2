import { Flags, type Interfaces } from '@oclif/core';
import type { InitInput } from '../swarm/init-swarm.js';

export const availabilityFlag = {
  availability: Flags.option({
    summary: 'Availability of the node: active, pause (no new tasks) or drain (no tasks)',
    options: ['active', 'pause', 'drain'] as const,
  })(),
};

/** @see https://docs.docker.com/reference/cli/docker/swarm/init/ */
export const initFlags = {
  'advertise-addr': Flags.string({
    summary: "Address to advertise (default: the machine's own)",
    helpValue: 'ADDRESS[:PORT]',
  }),
  'listen-addr': Flags.string({
    summary: "Address to listen on (default: the machine's own, port 2377)",
    helpValue: 'ADDRESS[:PORT]',
  }),
  'data-path-addr': Flags.string({
    summary: 'Address for container traffic between nodes (default: the advertised one)',
    helpValue: 'ADDRESS',
  }),
  'data-path-port': Flags.integer({
    summary: 'Port for container traffic, 1024 to 49151 (default: 4789)',
    min: 0,
    max: 49151,
    helpValue: 'PORT',
  }),
  'default-addr-pool': Flags.string({
    summary: 'Address pool for overlay networks (default: 10.0.0.0/8)',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'CIDR',
  }),
  'default-addr-pool-mask-length': Flags.integer({
    summary: 'Mask length of networks in the pool (default: 24)',
    min: 1,
    max: 128,
    helpValue: 'N',
  }),
  autolock: Flags.boolean({ summary: 'Enable autolock and print the unlock key' }),
  ...availabilityFlag,
  'cert-expiry': Flags.string({
    summary: 'Validity of node certificates (default: 2160h)',
    helpValue: 'DURATION',
  }),
  'dispatcher-heartbeat': Flags.string({
    summary: 'Heartbeat interval of nodes (default: 5s); raise it for hundreds or distant nodes',
    helpValue: 'DURATION',
  }),
  'external-ca': Flags.string({
    summary: 'External CA',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'protocol=cfssl,url=URL',
  }),
  'force-new-cluster': Flags.boolean({
    summary: 'Make this manager the only one, keeping the state of the swarm',
  }),
  'max-snapshots': Flags.integer({
    summary: 'Number of older raft snapshots to keep (default: 0)',
    min: 0,
    helpValue: 'N',
  }),
  'snapshot-interval': Flags.integer({
    summary: 'Log entries between raft snapshots (default: 10000)',
    min: 1,
    helpValue: 'N',
  }),
  'task-history-limit': Flags.integer({
    summary: 'Ended tasks to keep per slot of a service (default: 5)',
    min: 0,
    helpValue: 'N',
  }),
};

export function initInputFrom(flags: Interfaces.InferredFlags<typeof initFlags>): InitInput {
  return {
    advertiseAddress: flags['advertise-addr'],
    listenAddress: flags['listen-addr'],
    dataPathAddress: flags['data-path-addr'],
    dataPathPort: flags['data-path-port'],
    addressPools: flags['default-addr-pool'],
    addressPoolMask: flags['default-addr-pool-mask-length'],
    autolock: flags.autolock,
    availability: flags.availability,
    certificateExpiry: flags['cert-expiry'],
    dispatcherHeartbeat: flags['dispatcher-heartbeat'],
    externalCas: flags['external-ca'],
    forceNewCluster: flags['force-new-cluster'],
    maxSnapshots: flags['max-snapshots'],
    snapshotInterval: flags['snapshot-interval'],
    taskHistoryLimit: flags['task-history-limit'],
  };
}
