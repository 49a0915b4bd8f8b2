import type { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import { ExternalError } from '../base/errors.js';
import { mebibyte } from '../base/size-limit.js';
import {
  type ContainerDocument,
  containerDocument,
  type InfoDocument,
  infoDocument,
  type NodeDocument,
  type NodeSpec,
  nodeDocument,
  type ServiceDocument,
  type StatsDocument,
  type SwarmDocument,
  type SwarmSpec,
  serviceDocument,
  statsDocument,
  swarmDocument,
  type TaskDocument,
  taskDocument,
  unlockKeyDocument,
  versionDocument,
} from './model/api-documents.js';
import { EngineError, type EngineTransport, engineTransport, type RequestLimits } from './transport.js';

export { EngineError, type RequestLimits } from './transport.js';

type SecretRotation = 'rotateWorkerToken' | 'rotateManagerToken' | 'rotateManagerUnlockKey';

/** A task takes 3 KB, so this is enough for 20,000 of them. */
const maxListBytes = 64 * mebibyte;
/** Other clients may change the same object between the read and the write. */
const updateAttempts = 10;

/** @throws EngineError when the engine refuses, else ExternalError */
export class EngineApi {
  private readonly http: EngineTransport;

  /** @param dial opens a stream to the engine's socket */
  constructor(dial: () => Duplex) {
    this.http = engineTransport(dial);
  }

  close(): void {
    this.http.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Immediate, unlike `GET /info`, which takes 20 s on a manager without a leader.
   * @returns `active/manager`, `active/worker`, `inactive`, `pending`, `locked` or `error`;
   * undefined before Docker 20.10
   */
  ping(limits?: RequestLimits): Promise<string | undefined> {
    return this.http.ping(limits);
  }

  async version(limits?: RequestLimits): Promise<string> {
    return (await this.read('/version', versionDocument, limits)).Version;
  }

  info(limits?: RequestLimits): Promise<InfoDocument> {
    return this.read('/info', infoDocument, limits);
  }

  containers(limits?: RequestLimits): Promise<ContainerDocument[]> {
    return this.list('/containers/json', containerDocument, limits);
  }

  containerStats(id: string, limits?: RequestLimits): Promise<StatsDocument> {
    // Without `one-shot`, the engine waits a second for a second sample (Docker 20.10 and later).
    return this.read(`/containers/${id}/stats?stream=false&one-shot=true`, statsDocument, limits);
  }

  swarm(limits?: RequestLimits): Promise<SwarmDocument> {
    return this.read('/swarm', swarmDocument, limits);
  }

  /** @returns the node's ID */
  async initSwarm(request: object, limits?: RequestLimits): Promise<string> {
    return check('POST /swarm/init', z.string(), await this.http.post('/swarm/init', request, limits));
  }

  async joinSwarm(request: object, limits?: RequestLimits): Promise<void> {
    await this.http.post('/swarm/join', request, limits);
  }

  async leaveSwarm({ force }: { force: boolean }, limits?: RequestLimits): Promise<void> {
    await this.http.post(`/swarm/leave?force=${force}`, undefined, limits);
  }

  async joinToken(role: NodeSpec['Role']): Promise<string> {
    const { JoinTokens } = await this.swarm();
    return role === 'manager' ? JoinTokens.Manager : JoinTokens.Worker;
  }

  /** @returns empty when managers are not locked */
  async unlockKey(): Promise<string> {
    return (await this.read('/swarm/unlockkey', unlockKeyDocument)).UnlockKey ?? '';
  }

  async unlockSwarm(key: string, limits?: RequestLimits): Promise<void> {
    await this.http.post('/swarm/unlock', { UnlockKey: key }, limits);
  }

  /** @returns whether the settings differed or a secret was rotated */
  updateSwarm(change: (spec: SwarmSpec) => SwarmSpec, rotation?: SecretRotation): Promise<boolean> {
    return retryOutOfSequence(async () => {
      const { Spec, Version } = await this.swarm();
      const wanted = change(Spec);
      if (!rotation && isSame(wanted, Spec)) return false;
      const query = rotation ? `&${rotation}=true` : '';
      await this.http.post(`/swarm/update?version=${Version.Index}${query}`, wanted);
      return true;
    });
  }

  nodes(limits?: RequestLimits): Promise<NodeDocument[]> {
    return this.list('/nodes', nodeDocument, limits);
  }

  /** @returns whether the settings differed */
  updateNode(id: string, change: (spec: NodeSpec) => NodeSpec): Promise<boolean> {
    return retryOutOfSequence(async () => {
      const { Spec, Version } = await this.read(`/nodes/${id}`, nodeDocument);
      const wanted = change(Spec);
      if (isSame(wanted, Spec)) return false;
      await this.http.post(`/nodes/${id}/update?version=${Version.Index}`, wanted);
      return true;
    });
  }

  async removeNode(id: string, { force }: { force: boolean }): Promise<void> {
    await this.http.delete(`/nodes/${id}?force=${force}`);
  }

  services(): Promise<ServiceDocument[]> {
    return this.list('/services', serviceDocument);
  }

  tasks(filters: Record<string, string[]> = {}): Promise<TaskDocument[]> {
    return this.list(`/tasks?filters=${encodeURIComponent(JSON.stringify(filters))}`, taskDocument);
  }

  private async list<T extends z.core.$ZodType>(
    path: string,
    item: T,
    limits?: RequestLimits,
  ): Promise<z.output<T>[]> {
    const list = z.nullable(z.array(z.unknown()));
    const items = (await this.read(path, list, { ...limits, maxBytes: maxListBytes })) ?? [];
    // One at a time, because zod collects the faults of all of them.
    return items.map((one, index) => check(`GET ${path}`, item, one, [index]));
  }

  private async read<T extends z.core.$ZodType>(
    path: string,
    shape: T,
    limits?: RequestLimits,
  ): Promise<z.output<T>> {
    return check(`GET ${path}`, shape, await this.http.get(path, limits));
  }
}

/** @param place of the body in the response */
function check<T extends z.core.$ZodType>(
  request: string,
  shape: T,
  body: unknown,
  place: readonly number[] = [],
): z.output<T> {
  const result = z.safeParse(shape, body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = [...place, ...(issue?.path ?? [])].join('.');
  const at = path === '' ? '' : ` at ${path}`;
  throw new ExternalError(`unexpected response to ${request}${at}: ${issue?.message}`);
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

/** The status is 500, as for other errors; the phrase is from swarmkit's manager/state/store. */
function isOutOfSequence(error: unknown): boolean {
  return error instanceof EngineError && /out of sequence/i.test(error.message);
}
