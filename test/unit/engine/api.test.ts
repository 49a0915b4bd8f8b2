import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ExternalError } from '../../../src/base/errors.js';
import { EngineApi, EngineError } from '../../../src/engine/api.js';

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

  test('api reads an empty list that Go encodes as null', async () => {
    responses.set('GET /nodes', [[200, null]]);
    expect(await api.nodes()).toEqual([]);
  });

  test('api ignores fields that belt does not read', async () => {
    responses.set('GET /version', [[200, { Version: '99.0.0', Components: null }]]);
    expect(await api.version()).toBe('99.0.0');
  });
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
