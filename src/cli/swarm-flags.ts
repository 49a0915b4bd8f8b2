import { Flags, type Interfaces } from '@oclif/core';
import type { InitInput } from '../swarm/init-swarm.js';

export const availabilityFlag = {
  availability: Flags.option({
    summary: 'what the swarm may run there: all, nothing new, or nothing',
    options: ['active', 'pause', 'drain'] as const,
  })(),
};

/** docker's own flags of `swarm init` (https://docs.docker.com/reference/cli/docker/swarm/init/). */
export const initFlags = {
  'advertise-addr': Flags.string({
    summary: "the address that other nodes are told, instead of the machine's own",
    helpValue: 'ADDRESS[:PORT]',
  }),
  'listen-addr': Flags.string({
    summary: "the address to listen on; the machine's own, port 2377, if absent",
    helpValue: 'ADDRESS[:PORT]',
  }),
  'data-path-addr': Flags.string({
    summary: "the address for containers' traffic between nodes; the advertised one if absent",
    helpValue: 'ADDRESS',
  }),
  'data-path-port': Flags.integer({
    summary: 'its port: 1024 to 49151; 4789 if absent',
    min: 0,
    max: 49151,
    helpValue: 'PORT',
  }),
  'default-addr-pool': Flags.string({
    summary:
      'the networks that overlay networks are taken from, 10.0.0.0/8 if absent; refused where one is a network of the machine',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'CIDR',
  }),
  'default-addr-pool-mask-length': Flags.integer({
    summary: 'how long the masks of those are; 24 if absent',
    min: 1,
    max: 128,
    helpValue: 'N',
  }),
  autolock: Flags.boolean({ summary: 'managers that restart ask for a key, which is printed' }),
  ...availabilityFlag,
  'cert-expiry': Flags.string({
    summary: "how long the nodes' certificates hold: 2160h if absent",
    helpValue: 'DURATION',
  }),
  'dispatcher-heartbeat': Flags.string({
    summary:
      'how often nodes tell that they are there: 5s if absent; more for hundreds of nodes, or far apart',
    helpValue: 'DURATION',
  }),
  'external-ca': Flags.string({
    summary: 'a certificate authority outside the swarm',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'protocol=cfssl,url=URL',
  }),
  'force-new-cluster': Flags.boolean({
    summary: 'make this manager the only one of its swarm, with all that the swarm holds',
  }),
  'max-snapshots': Flags.integer({
    summary: 'how many older raft snapshots to keep; none if absent',
    min: 0,
    helpValue: 'N',
  }),
  'snapshot-interval': Flags.integer({
    summary: 'how many log entries lie between raft snapshots; 10000 if absent',
    min: 1,
    helpValue: 'N',
  }),
  'task-history-limit': Flags.integer({
    summary: 'how many ended tasks to remember for each slot of a service; 5 if absent',
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
