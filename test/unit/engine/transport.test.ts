import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AbortError, ExternalError } from '../../../src/base/errors.js';
import { EngineError, type EngineTransport, engineTransport } from '../../../src/engine/transport.js';
import { recordFault } from '../../lab/record-fault.js';

let server: Server;
let api: EngineTransport;
let answer: RequestListener;
let dials = 0;
/** The last request. */
let stream: Socket;
const seen: unknown[] = [];

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  dials = 0;
  seen.length = 0;
  answer = async (request, response) => {
    const { method, url, headers } = request;
    seen.push({ method, url, host: headers.host, type: headers['content-type'], body: await text(request) });
    response.end('{"Version":"28.1.0"}');
  };
  api = engineTransport(() => {
    dials++;
    stream = connect((server.address() as AddressInfo).port, '127.0.0.1');
    return stream;
  });
});

afterEach(async () => {
  api.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function respond(status: number, body: string): void {
  answer = (_, response) => void response.writeHead(status).end(body);
}

describe('request', () => {
  test.each([
    ['get', () => api.get('/version'), { method: 'GET', url: '/version', body: '' }],
    ['delete', () => api.delete('/nodes/n1'), { method: 'DELETE', url: '/nodes/n1', body: '' }],
    [
      'post',
      () => api.post('/swarm/join', { JoinToken: 'tökén' }),
      { method: 'POST', url: '/swarm/join', type: 'application/json', body: '{"JoinToken":"tökén"}' },
    ],
  ])('%s is sent once and its response is read', async (_, call, request) => {
    expect(await call()).toEqual({ Version: '28.1.0' });
    expect(seen).toEqual([{ host: 'docker', type: undefined, ...request }]);
  });

  test('ping returns the swarm state, or undefined without the header', async () => {
    answer = (_, response) => void response.writeHead(200, { Swarm: 'active/manager' }).end('OK');
    expect(await api.ping()).toBe('active/manager');
    respond(200, 'OK');
    expect(await api.ping()).toBeUndefined();
    respond(500, '{"message":"broken"}');
    await expect(api.ping()).rejects.toEqual(new EngineError(500, 'broken'));
  });

  test('requests share one stream, also at the same time', async () => {
    await api.get('/a');
    await Promise.all([api.get('/b'), api.get('/c'), api.get('/d')]);
    expect(dials).toBe(1);
    expect(seen.length).toBe(4);
  });

  test('an endless response is refused at its limit, and the stream to it is closed', async () => {
    const chunk = Buffer.alloc(1024 * 1024, ' ');
    let sent = 0;
    answer = (_, response) => {
      const more = (): void => {
        for (let isReady = true; isReady && !response.destroyed; sent++) isReady = response.write(chunk);
        response.once('drain', more);
      };
      more();
    };
    await expect(api.get('/info')).rejects.toEqual(
      new ExternalError('the response to GET /info is larger than 4 MiB'),
    );
    expect(stream.destroyed).toBe(true);
    expect(sent).toBeLessThan(20);
    recordFault({ kind: 'Untrusted input', fault: 'the response of an engine does not end' });
  });

  test('a long error message is cut', async () => {
    respond(500, JSON.stringify({ message: 'x'.repeat(1_000_000) }));
    await expect(api.get('/info')).rejects.toEqual(new EngineError(500, 'x'.repeat(2000)));
  });

  test('a request after the engine hung up opens a new stream', async () => {
    await api.get('/a');
    server.closeIdleConnections();
    await once(stream, 'close');
    expect(await api.get('/b')).toEqual({ Version: '28.1.0' });
    expect(dials).toBe(2);
  });

  test('a request after a failed one succeeds', async () => {
    respond(500, '{"message":"oh"}');
    await expect(api.get('/a')).rejects.toThrow('oh');
    respond(200, '"fine"');
    expect(await api.get('/b')).toBe('fine');
  });
});

describe('response', () => {
  test('property: any JSON response is returned unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const json = JSON.stringify(value);
        respond(200, json);
        expect(await api.get('/x')).toEqual(JSON.parse(json));
      }),
      { numRuns: 50 },
    );
  });

  test('a response that is split within characters is joined', async () => {
    answer = async (_, response) => {
      response.flushHeaders();
      for (const byte of Buffer.from('{"Name":"grüße 🐳"}')) {
        response.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    };
    expect(await api.get('/x')).toEqual({ Name: 'grüße 🐳' });
  });

  test.each([
    [200, '', undefined],
    [200, 'OK', 'OK'],
    [204, '', undefined],
  ])('a response %d with %j is returned as %j', async (status, body, value) => {
    respond(status, body);
    expect(await api.get('/_ping')).toBe(value);
  });

  test.each([
    [503, '{"message":"This node is not a swarm manager.\\n"}', 'This node is not a swarm manager.'],
    [404, 'page not found\n', 'page not found'],
    [500, '', 'the engine responded with status 500'],
    [500, '{"code":7}', 'the engine responded with status 500'],
  ])("a response %d with %j is an error with the engine's message", async (status, body, message) => {
    respond(status, body);
    const error = await api.get('/x').catch((thrown) => thrown);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toEqual(new EngineError(status, message));
  });
});

describe('failure', () => {
  test('a request that times out fails with an ExternalError that names it', async () => {
    answer = () => {};
    await expect(api.get('/slow', { timeoutMs: 30 })).rejects.toThrow(
      new ExternalError('the engine did not respond to GET /slow within 0.03 s'),
    );
  });

  test('a response that times out halfway fails with an ExternalError', async () => {
    answer = (_, response) => void response.write('{"half":');
    await expect(api.post('/slow', {}, { timeoutMs: 50 })).rejects.toThrow(
      'the engine did not respond to POST /slow within 0.05 s',
    );
  });

  test('an interrupted request fails with an AbortError', async () => {
    const abort = new AbortController();
    answer = () => abort.abort(new AbortError());
    await expect(api.get('/x', { signal: abort.signal })).rejects.toThrow(AbortError);
  });

  test('a request after an interruption opens no stream', async () => {
    await expect(api.get('/x', { signal: AbortSignal.abort(new AbortError()) })).rejects.toThrow(AbortError);
    expect(seen).toEqual([]);
  });

  test.each([
    ['before the answer', ''],
    ['within the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":'],
  ])('a request whose stream ended %s fails with an ExternalError', async (_, sent) => {
    answer = (request) => void request.socket.end(sent);
    await expect(api.get('/x')).rejects.toMatchObject({
      name: 'ExternalError',
      message: expect.stringMatching(/^the connection to the engine's API broke: /),
    });
  });

  test('a response that is not HTTP fails with an ExternalError', async () => {
    const other = createTcpServer((socket) => void socket.resume().end('SSH-2.0-OpenSSH_10.0\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const wrong = engineTransport(() => connect((other.address() as AddressInfo).port, '127.0.0.1'));
    await expect(wrong.get('/x')).rejects.toMatchObject({
      name: 'ExternalError',
      message: expect.stringMatching(/^the connection to the engine's API broke: /),
    });
    wrong.close();
    await new Promise((resolve) => other.close(resolve));
  });
});
