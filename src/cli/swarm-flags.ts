import { Flags, type Interfaces } from '@oclif/core';
import type { InitInput } from '../swarm/init-swarm.js';

export const availabilityFlag = {
  availability: Flags.option({
    summary: 'Availability of the node: pause accepts no new tasks, drain no tasks at all (default: active)',
    options: ['active', 'pause', 'drain'] as const,
  })(),
};

/** @see https://docs.docker.com/reference/cli/docker/swarm/init/ */
export const initFlags = {
  'advertise-addr': Flags.string({
    summary: "Advertised address (default: the machine's own)",
    helpValue: 'ADDRESS[:PORT]',
  }),
  'listen-addr': Flags.string({
    summary: "Listen address (default: the machine's own, port 2377)",
    helpValue: 'ADDRESS[:PORT]',
  }),
  'data-path-addr': Flags.string({
    summary: 'Address for data path traffic between containers (default: the advertised address)',
    helpValue: 'ADDRESS',
  }),
  'data-path-port': Flags.integer({
    summary: 'Port number for data path traffic, 1024 to 49151 (default: 4789)',
    min: 0,
    max: 49151,
    helpValue: 'PORT',
  }),
  'default-addr-pool': Flags.string({
    summary: 'Default address pool in CIDR format (default: 10.0.0.0/8)',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'CIDR',
  }),
  'default-addr-pool-mask-length': Flags.integer({
    summary: 'Default address pool subnet mask length (default: 24)',
    min: 1,
    max: 128,
    helpValue: 'N',
  }),
  autolock: Flags.boolean({ summary: 'Enable manager autolocking and print the unlock key' }),
  ...availabilityFlag,
  'cert-expiry': Flags.string({
    summary: 'Validity period for node certificates, at least 1h (default: 2160h)',
    helpValue: 'DURATION',
  }),
  'dispatcher-heartbeat': Flags.string({
    summary: 'Dispatcher heartbeat period; raise it for hundreds of nodes or slow networks (default: 5s)',
    helpValue: 'DURATION',
  }),
  'external-ca': Flags.string({
    summary: 'Specification of a certificate signing endpoint',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'protocol=cfssl,url=URL',
  }),
  'force-new-cluster': Flags.boolean({
    summary: 'Create a new swarm with this manager only, from its current state',
  }),
  'max-snapshots': Flags.integer({
    summary: 'Number of additional Raft snapshots to retain (default: 0)',
    min: 0,
    helpValue: 'N',
  }),
  'snapshot-interval': Flags.integer({
    summary: 'Number of log entries between Raft snapshots (default: 10000)',
    min: 1,
    helpValue: 'N',
  }),
  'task-history-limit': Flags.integer({
    summary: 'Task history retention limit (default: 5; -1: no limit)',
    min: -1,
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
