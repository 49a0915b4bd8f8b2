import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ExternalError } from '../../../src/base/errors.js';
import { EngineApi, EngineError } from '../../../src/engine/api.js';
import { readCertificateSettings, readMembership, readNodes } from '../../../src/swarm/model/swarm-node.js';
import { readServices, readTasks } from '../../../src/swarm/model/swarm-tasks.js';
import { recordFault } from '../../lab/record-fault.js';

let folder: string;
let server: Server;
let api: EngineApi;
let requests: { request: string; body: string }[];
/** Responses by request, such as `GET /version`; the last one is repeated. */
let responses: Map<string, [status: number, body: unknown][]>;

const respond: RequestListener = async (request, response) => {
  const name = `${request.method} ${request.url}`;
  requests.push({ request: name, body: await text(request) });
  const queue = responses.get(name) ?? [[404, { message: 'page not found' }]];
  const [status, body] = (queue.length > 1 ? queue.shift() : queue[0]) ?? [500, {}];
  response.writeHead(status).end(JSON.stringify(body));
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belt-api-'));
  const path = join(folder, 'engine.sock');
  requests = [];
  responses = new Map();
  server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  api = new EngineApi(() => connect({ path }));
});

afterEach(async () => {
  api.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const node = (version: number, labels: Record<string, string> | null = null) => ({
  ID: 'n1',
  Version: { Index: version },
  Spec: { Role: 'worker', Availability: 'active', Labels: labels, Name: 'kept' },
});
const outOfSequence = { message: 'rpc error: code = Unknown desc = update out of sequence' };
const drain = (spec: Parameters<Parameters<EngineApi['updateNode']>[1]>[0]) => ({
  ...spec,
  Availability: 'drain' as const,
});

describe('responses', () => {
  test.each<[string, unknown, string, () => Promise<unknown>]>([
    ['a missing field', {}, 'GET /version at Version', () => api.version()],
    ['another type', [{ ...node(1), ID: 7 }], 'GET /nodes at 0.ID', () => api.nodes()],
    ['no list', 'hello', 'GET /nodes', () => api.nodes()],
    [
      'an unknown role',
      [{ ...node(1), Spec: { Role: 'king', Availability: 'active' } }],
      'GET /nodes at 0.Spec.Role',
      () => api.nodes(),
    ],
  ])('a response with %s is one error that names the endpoint', async (_, body, where, call) => {
    const [request] = where.split(' at ');
    responses.set(request ?? '', [[200, body]]);
    const error = await call().catch((thrown) => thrown as Error);
    expect(error).toBeInstanceOf(ExternalError);
    expect((error as Error).message).toMatch(`unexpected response to ${where}: `);
  });

  test('api refuses a list with a million faults at the first one', async () => {
    responses.set('GET /nodes', [[200, Array(1_000_000).fill({})]]);
    await expect(api.nodes()).rejects.toThrow(/^unexpected response to GET \/nodes at 0\.ID: /);
  });

  test('api reads an empty list that Go encodes as null', async () => {
    responses.set('GET /nodes', [[200, null]]);
    expect(await api.nodes()).toEqual([]);
  });

  test('api ignores fields that belt does not read', async () => {
    responses.set('GET /version', [[200, { Version: '99.0.0', Components: null }]]);
    expect(await api.version()).toBe('99.0.0');
  });
});

/** Documents as an engine returns them, by request. */
const documents: Record<string, unknown> = {
  'GET /version': { Version: '29.0.0' },
  'GET /info': {
    LiveRestoreEnabled: false,
    Swarm: {
      LocalNodeState: 'active',
      NodeID: 'n1',
      NodeAddr: '10.0.0.1',
      ControlAvailable: true,
      RemoteManagers: [{ Addr: '10.0.0.1:2377' }],
      Cluster: { ID: 'c1' },
    },
  },
  'GET /containers/json': [{ Names: ['/web'], Labels: { a: 'b' } }],
  'GET /containers/c1/stats?stream=false&one-shot=true': {
    read: '2026-01-02T03:04:05Z',
    cpu_stats: { cpu_usage: { total_usage: 1 }, system_cpu_usage: 2, online_cpus: 1 },
    memory_stats: { usage: 1, limit: 2, stats: { inactive_file: 1 } },
    networks: { eth0: { rx_bytes: 1, tx_bytes: 1 } },
    pids_stats: { current: 1 },
  },
  'GET /swarm': {
    Version: { Index: 1 },
    Spec: { EncryptionConfig: { AutoLockManagers: false }, CAConfig: { NodeCertExpiry: 1 } },
    JoinTokens: { Worker: 'w', Manager: 'm' },
    TLSInfo: { TrustRoot: 'pem' },
  },
  'GET /swarm/unlockkey': { UnlockKey: 'k' },
  'GET /nodes': [
    { ...node(1), Description: { Hostname: 'n1' }, Status: { State: 'ready', Addr: '10.0.0.1' } },
  ],
  'GET /nodes/n1': { ...node(1), ManagerStatus: { Leader: true, Addr: '10.0.0.1:2377' } },
  'GET /services': [{ ID: 's1', Spec: { Name: 'web', Mode: { Replicated: {} } } }],
  'GET /tasks?filters=%7B%7D': [
    { ID: 't1', Status: { State: 'running', ContainerStatus: { ContainerID: 'c1' } } },
  ],
  'POST /swarm/init': 'n1',
};
const calls: Record<keyof typeof documents, () => Promise<unknown>> = {
  'GET /version': () => api.version(),
  'GET /info': async () => readMembership(await api.info()),
  'GET /containers/json': () => api.containers(),
  'GET /containers/c1/stats?stream=false&one-shot=true': () => api.containerStats('c1'),
  'GET /swarm': async () => readCertificateSettings(await api.swarm()),
  'GET /swarm/unlockkey': () => api.unlockKey(),
  'GET /nodes': async () => readNodes(await api.nodes()),
  'GET /nodes/n1': () => api.updateNode('n1', (spec) => spec),
  'GET /services': async () => readServices(await api.services()),
  'GET /tasks?filters=%7B%7D': async () => readTasks(await api.tasks()),
  'POST /swarm/init': () => api.initSwarm({}),
};

/** Replaces one value somewhere in a document. */
function replaceOne(document: unknown, path: readonly number[], value: unknown): unknown {
  const [at, ...rest] = path;
  if (at === undefined || typeof document !== 'object' || document === null) return value;
  const keys = Object.keys(document);
  const key = keys[at % keys.length];
  if (key === undefined) return value;
  const changed = replaceOne((document as Record<string, unknown>)[key], rest, value);
  return Array.isArray(document)
    ? document.map((item, index) => (String(index) === key ? changed : item))
    : { ...document, [key]: changed };
}

describe('hostile responses', () => {
  test.each(Object.keys(documents))('%s is read when it is valid', async (request) => {
    responses.set(request, [[200, documents[request]]]);
    await calls[request]?.();
  });

  test.each(Object.keys(documents))(
    'property: %s with a wrong value somewhere is read, or refused by name',
    async (request) => {
      let tried = 0;
      const path = fc.array(fc.nat(9), { maxLength: 5 });
      const value = fc.oneof(fc.constantFrom(null, [], {}, '', 0, [null], { a: null }), fc.jsonValue());
      await fc.assert(
        fc.asyncProperty(path, value, async (at, wrong) => {
          tried++;
          responses.set(request, [[200, replaceOne(documents[request], at, wrong)]]);
          const error = await calls[request]?.().then(
            () => undefined,
            (thrown: Error) => thrown,
          );
          if (error === undefined) return;
          expect(error).toBeInstanceOf(ExternalError);
          expect(error.message).toContain(`unexpected response to ${request}`);
        }),
        { numRuns: 60 },
      );
      recordFault({ kind: 'Untrusted input', fault: 'an engine responds with a wrong value', tried });
    },
  );
});

describe('updates', () => {
  test('an update keeps settings that belt does not know', async () => {
    responses.set('GET /nodes/n1', [[200, node(4, { zone: 'a' })]]);
    responses.set('POST /nodes/n1/update?version=4', [[200, {}]]);
    expect(await api.updateNode('n1', drain)).toBe(true);
    expect(JSON.parse(requests.at(-1)?.body ?? '')).toEqual({
      Role: 'worker',
      Availability: 'drain',
      Labels: { zone: 'a' },
      Name: 'kept',
    });
  });

  test('an update that changes nothing is not sent', async () => {
    responses.set('GET /nodes/n1', [[200, node(4)]]);
    expect(await api.updateNode('n1', (spec) => ({ ...spec }))).toBe(false);
    expect(requests.map(({ request }) => request)).toEqual(['GET /nodes/n1']);
  });

  test('an update of an out-of-date version is retried with the current one', async () => {
    responses.set('GET /nodes/n1', [
      [200, node(4)],
      [200, node(5, { zone: 'a' })],
    ]);
    responses.set('POST /nodes/n1/update?version=4', [[500, outOfSequence]]);
    responses.set('POST /nodes/n1/update?version=5', [[200, {}]]);
    expect(await api.updateNode('n1', drain)).toBe(true);
    expect(JSON.parse(requests.at(-1)?.body ?? '')).toMatchObject({ Labels: { zone: 'a' } });
  });

  test('an update is given up when its version stays out of date', async () => {
    responses.set('GET /nodes/n1', [[200, node(4)]]);
    responses.set('POST /nodes/n1/update?version=4', [[500, outOfSequence]]);
    await expect(api.updateNode('n1', drain)).rejects.toThrow(EngineError);
    expect(requests.filter(({ request }) => request.startsWith('POST')).length).toBe(10);
  });

  test('an update that the engine refuses for another reason is not retried', async () => {
    responses.set('GET /nodes/n1', [[200, node(4)]]);
    responses.set('POST /nodes/n1/update?version=4', [[503, { message: 'no leader' }]]);
    await expect(api.updateNode('n1', drain)).rejects.toThrow('no leader');
    expect(requests.length).toBe(2);
  });

  test('the swarm is updated to rotate a secret even when its settings stay the same', async () => {
    const swarm = {
      Version: { Index: 9 },
      Spec: { Name: 'default' },
      JoinTokens: { Worker: 'W', Manager: 'M' },
    };
    responses.set('GET /swarm', [[200, swarm]]);
    responses.set('POST /swarm/update?version=9&rotateWorkerToken=true', [[200, {}]]);
    expect(await api.updateSwarm((spec) => spec)).toBe(false);
    expect(await api.updateSwarm((spec) => spec, 'rotateWorkerToken')).toBe(true);
    expect(JSON.parse(requests.at(-1)?.body ?? '')).toEqual({ Name: 'default' });
  });
});
