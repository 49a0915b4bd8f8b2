import type { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import { ExternalError } from '../base/errors.js';
import { EngineError, engineTransport, type RequestLimits } from './transport.js';

export { EngineError, type RequestLimits } from './transport.js';

/** A manager's settings for a node, as `POST /nodes/ID/update` takes them. */
const nodeSpec = z.looseObject({
  Role: z.enum(['manager', 'worker']),
  Availability: z.enum(['active', 'pause', 'drain']),
  Labels: z.optional(z.nullable(z.record(z.string(), z.string()))),
});
export type NodeSpec = z.infer<typeof nodeSpec>;

const version = z.looseObject({ Index: z.number() });
const nodeDocument = z.looseObject({ ID: z.string(), Version: version, Spec: nodeSpec });

const swarmSpec = z.looseObject({
  EncryptionConfig: z.optional(z.looseObject({ AutoLockManagers: z.optional(z.boolean()) })),
  CAConfig: z.optional(z.looseObject({ ForceRotate: z.optional(z.number()) })),
});
export type SwarmSpec = z.infer<typeof swarmSpec>;

const swarmDocument = z.looseObject({
  Version: version,
  Spec: swarmSpec,
  JoinTokens: z.looseObject({ Worker: z.string(), Manager: z.string() }),
  RootRotationInProgress: z.optional(z.boolean()),
  TLSInfo: z.optional(z.looseObject({ TrustRoot: z.optional(z.string()) })),
});

const infoDocument = z.looseObject({ Swarm: z.looseObject({ LocalNodeState: z.string() }) });
const taskDocument = z.looseObject({ ID: z.string(), DesiredState: z.string() });
const serviceDocument = z.looseObject({ ID: z.string(), Spec: z.looseObject({ Name: z.string() }) });
const containerDocument = z.looseObject({
  Names: z.array(z.string()),
  Labels: z.optional(z.nullable(z.record(z.string(), z.string()))),
});

/** Go encodes an empty list as `null` too. */
const listOf = <T extends z.core.$ZodType>(item: T) => z.nullable(z.array(item));

/** Secrets that `POST /swarm/update` replaces on request. */
export type SecretRotation = 'rotateWorkerToken' | 'rotateManagerToken' | 'rotateManagerUnlockKey';

/** Other clients may change the same object between the read and the write; ten times in a row is an error. */
const updateAttempts = 10;

export type EngineApi = ReturnType<typeof engineApi>;

/**
 * A client of the Docker Engine API (https://docs.docker.com/reference/api/engine/). `dial` opens a
 * stream to the engine's socket; it is kept for later requests.
 *
 * All methods throw EngineError when the engine refuses, and ExternalError when it does not respond
 * or its response has another shape than the API's.
 */
export function engineApi(dial: () => Duplex) {
  const http = engineTransport(dial);

  async function read<T extends z.core.$ZodType>(
    path: string,
    shape: T,
    limits?: RequestLimits,
  ): Promise<z.output<T>> {
    const result = z.safeParse(shape, await http.get(path, limits));
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw new ExternalError(
      `unexpected response to GET ${path}${where && ` at ${where}`}: ${issue?.message}`,
    );
  }

  const node = (id: string) => read(`/nodes/${id}`, nodeDocument);
  const swarm = (limits?: RequestLimits) => read('/swarm', swarmDocument, limits);

  return {
    /**
     * The engine's swarm state: `active/manager`, `active/worker`, `inactive`, `pending`, `locked`,
     * `error`; undefined before Docker 20.10. Immediate, where `GET /info` on a manager that has
     * lost its leader takes 20 s.
     */
    ping: http.ping,
    version: async (limits?: RequestLimits): Promise<string> =>
      (await read('/version', z.looseObject({ Version: z.string() }), limits)).Version,
    info: (limits?: RequestLimits) => read('/info', infoDocument, limits),
    containers: async (limits?: RequestLimits) =>
      (await read('/containers/json', listOf(containerDocument), limits)) ?? [],
    /** `one-shot`: the engine otherwise waits a second for a second sample (Docker 20.10 and later). */
    containerStats: (id: string, limits?: RequestLimits) =>
      read(`/containers/${id}/stats?stream=false&one-shot=true`, z.looseObject({}), limits),

    swarm,
    /** @returns the node's id */
    initSwarm: async (request: object, limits?: RequestLimits): Promise<string> =>
      String(await http.post('/swarm/init', request, limits)),
    joinSwarm: async (request: object, limits?: RequestLimits): Promise<void> =>
      void (await http.post('/swarm/join', request, limits)),
    leaveSwarm: async ({ force }: { force: boolean }, limits?: RequestLimits): Promise<void> =>
      void (await http.post(`/swarm/leave?force=${force}`, undefined, limits)),
    /** @returns empty where managers are not locked */
    unlockKey: async (): Promise<string> =>
      (await read('/swarm/unlockkey', z.looseObject({ UnlockKey: z.optional(z.string()) }))).UnlockKey ?? '',
    unlockSwarm: async (key: string, limits?: RequestLimits): Promise<void> =>
      void (await http.post('/swarm/unlock', { UnlockKey: key }, limits)),
    /** Applies `change` to the swarm's current settings. @returns whether anything was sent */
    updateSwarm: (change: (spec: SwarmSpec) => SwarmSpec, rotation?: SecretRotation): Promise<boolean> =>
      retryOutOfSequence(async () => {
        const { Spec, Version } = await swarm();
        const wanted = change(Spec);
        if (!rotation && isSame(wanted, Spec)) return false;
        const query = rotation ? `&${rotation}=true` : '';
        await http.post(`/swarm/update?version=${Version.Index}${query}`, wanted);
        return true;
      }),

    nodes: async (limits?: RequestLimits) => (await read('/nodes', listOf(nodeDocument), limits)) ?? [],
    /** Applies `change` to the node's current settings. @returns whether they were different */
    updateNode: (id: string, change: (spec: NodeSpec) => NodeSpec): Promise<boolean> =>
      retryOutOfSequence(async () => {
        const { Spec, Version } = await node(id);
        const wanted = change(Spec);
        if (isSame(wanted, Spec)) return false;
        await http.post(`/nodes/${id}/update?version=${Version.Index}`, wanted);
        return true;
      }),
    removeNode: async (id: string, { force }: { force: boolean }): Promise<void> =>
      void (await http.delete(`/nodes/${id}?force=${force}`)),

    services: async () => (await read('/services', listOf(serviceDocument))) ?? [],
    tasks: async (filters?: Record<string, string[]>) => {
      const query = filters ? `?filters=${encodeURIComponent(JSON.stringify(filters))}` : '';
      return (await read(`/tasks${query}`, listOf(taskDocument))) ?? [];
    },
    close: http.close,
  };
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function retryOutOfSequence<T>(update: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await update();
    } catch (error) {
      if (attempt === updateAttempts || !isOutOfSequence(error)) throw error;
    }
  }
}

/** The engine answers 500, as for other errors: the phrase is swarmkit's, manager/state/store. */
function isOutOfSequence(error: unknown): boolean {
  return error instanceof EngineError && /out of sequence/i.test(error.message);
}
