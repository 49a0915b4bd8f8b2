import * as z from 'zod/mini';

/** Go omits empty fields and encodes an empty list or map as `null`. */

const text = z.optional(z.string());
const count = z.optional(z.number());
const texts = z.nullish(z.record(z.string(), z.string()));
const version = z.object({ Index: z.number() });
const tlsInfo = z.object({ TrustRoot: text, CertIssuerSubject: text, CertIssuerPublicKey: text });
export type TlsInfo = z.infer<typeof tlsInfo>;

const memoryDetails = z.object({ total_inactive_file: count, inactive_file: count });
export type MemoryDetails = z.infer<typeof memoryDetails>;

export const versionDocument = z.object({ Version: z.string() });

export const infoDocument = z.object({
  ID: text,
  LiveRestoreEnabled: z.optional(z.boolean()),
  Swarm: z.object({
    LocalNodeState: z.string(),
    NodeID: text,
    NodeAddr: text,
    ControlAvailable: z.optional(z.boolean()),
    Error: text,
    RemoteManagers: z.nullish(z.array(z.object({ Addr: z.string() }))),
    Cluster: z.nullish(z.object({ ID: text })),
  }),
});
export type InfoDocument = z.infer<typeof infoDocument>;

/** Replaced as a whole by `POST /nodes/ID/update`. */
const nodeSpec = z.looseObject({
  Role: z.enum(['manager', 'worker']),
  Availability: z.enum(['active', 'pause', 'drain']),
  Labels: texts,
});
export type NodeSpec = z.infer<typeof nodeSpec>;

export const nodeDocument = z.object({
  ID: z.string(),
  Version: version,
  UpdatedAt: text,
  Spec: nodeSpec,
  Description: z.optional(
    z.object({
      Hostname: text,
      Engine: z.optional(z.object({ EngineVersion: text })),
      TLSInfo: z.optional(tlsInfo),
    }),
  ),
  Status: z.optional(z.object({ State: text, Addr: text })),
  ManagerStatus: z.nullish(z.object({ Leader: z.optional(z.boolean()), Reachability: text, Addr: text })),
});
export type NodeDocument = z.infer<typeof nodeDocument>;

/** Replaced as a whole by `POST /swarm/update`. */
const swarmSpec = z.looseObject({
  EncryptionConfig: z.optional(z.looseObject({ AutoLockManagers: z.optional(z.boolean()) })),
  CAConfig: z.optional(z.looseObject({ ForceRotate: count, NodeCertExpiry: count })),
});
export type SwarmSpec = z.infer<typeof swarmSpec>;

export const swarmDocument = z.object({
  Version: version,
  Spec: swarmSpec,
  JoinTokens: z.object({ Worker: z.string(), Manager: z.string() }),
  RootRotationInProgress: z.optional(z.boolean()),
  TLSInfo: z.optional(tlsInfo),
});
export type SwarmDocument = z.infer<typeof swarmDocument>;

export const unlockKeyDocument = z.object({ UnlockKey: text });

export const serviceDocument = z.object({
  ID: z.string(),
  Spec: z.object({ Name: z.string(), Mode: z.optional(z.object({ Replicated: z.optional(z.unknown()) })) }),
});
export type ServiceDocument = z.infer<typeof serviceDocument>;

export const taskDocument = z.object({
  ID: z.string(),
  CreatedAt: text,
  ServiceID: text,
  NodeID: text,
  Slot: count,
  DesiredState: text,
  Status: z.optional(
    z.object({
      State: text,
      Err: text,
      Message: text,
      ContainerStatus: z.nullish(z.object({ ContainerID: text })),
    }),
  ),
});
export type TaskDocument = z.infer<typeof taskDocument>;

export const containerDocument = z.object({ Names: z.array(z.string()), Labels: texts });
export type ContainerDocument = z.infer<typeof containerDocument>;

export const statsDocument = z.object({
  read: text,
  cpu_stats: z.optional(
    z.object({
      cpu_usage: z.optional(z.object({ total_usage: count })),
      system_cpu_usage: count,
      online_cpus: count,
    }),
  ),
  memory_stats: z.optional(z.object({ usage: count, limit: count, stats: z.nullish(memoryDetails) })),
  networks: z.nullish(z.record(z.string(), z.object({ rx_bytes: count, tx_bytes: count }))),
  pids_stats: z.optional(z.object({ current: count })),
});
export type StatsDocument = z.infer<typeof statsDocument>;
