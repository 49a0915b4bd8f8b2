import { Agent, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { ExternalError, messageOf } from '../base/errors.js';
import { mebibyte, readBounded } from '../base/size-limit.js';
import { withTimeout } from '../base/with-timeout.js';

/**
 * HTTP over any byte stream. Paths are unversioned, so the engine uses its newest API version.
 * Secrets travel in request bodies, never on a command line that other users could read.
 */
export interface EngineTransport {
  /** @throws EngineError for an error status; ExternalError without a response */
  get(path: string, options?: RequestLimits): Promise<unknown>;
  post(path: string, body: unknown, options?: RequestLimits): Promise<unknown>;
  delete(path: string, options?: RequestLimits): Promise<unknown>;
  /** The `Swarm` header of `GET /_ping`; undefined before Docker 20.10. @throws as `get` */
  ping(options?: RequestLimits): Promise<string | undefined>;
  close(): void;
}

export interface RequestLimits {
  timeoutMs?: number;
  /** Of the response; default: 4 MiB. */
  maxBytes?: number;
  signal?: AbortSignal;
}

export class EngineError extends ExternalError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message, { errorCode: 'engine' });
    this.name = 'EngineError';
  }
}

const defaultTimeoutMs = 30_000;
const defaultMaxBytes = 4 * mebibyte;
const maxErrorLength = 2000;

/** @param dial opens a stream to the engine, kept open between requests */
export function engineTransport(dial: () => Duplex): EngineTransport {
  const agent = new DialAgent(dial);
  const call = (method: string, path: string, body: unknown, limits: RequestLimits = {}): Promise<unknown> =>
    send(agent, method, path, body, limits, readBody);
  return {
    get: (path, limits) => call('GET', path, undefined, limits),
    post: (path, body, limits) => call('POST', path, body, limits),
    delete: (path, limits) => call('DELETE', path, undefined, limits),
    ping: (limits = {}) => send(agent, 'GET', '/_ping', undefined, limits, readSwarmState),
    close: () => agent.destroy(),
  };
}

class DialAgent extends Agent {
  constructor(private readonly dial: () => Duplex) {
    super({ keepAlive: true, maxSockets: 1 });
  }

  override createConnection(): Duplex {
    // Node handles errors only during a request; an idle error would be uncaught.
    return Object.assign(this.dial().on('error', noop), {
      setKeepAlive: noop,
      setNoDelay: noop,
      setTimeout: noop,
      ref: noop,
      unref: noop,
    });
  }
}

function noop(): void {}

async function send<T>(
  agent: Agent,
  method: string,
  path: string,
  body: unknown,
  { timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes, signal }: RequestLimits,
  read: (response: IncomingMessage, maxBytes: number, what: string) => Promise<T>,
): Promise<T> {
  const call = async (stop: AbortSignal): Promise<T> =>
    read(await exchange(agent, method, path, body, stop), maxBytes, `the response to ${method} ${path}`);
  const timeoutError = (): Error =>
    new ExternalError(`the engine did not respond to ${method} ${path} within ${timeoutMs / 1000} s`);
  try {
    return await withTimeout(timeoutMs, signal, call, timeoutError);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    if (signal?.aborted) throw signal.reason;
    if (error instanceof ExternalError) throw error;
    throw new ExternalError(`the connection to the engine's API broke: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function exchange(
  agent: Agent,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    Host: 'docker',
    ...(text !== undefined && {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    }),
  };
  return new Promise((resolve, reject) => {
    const call = request({ agent, method, path, headers, signal, host: 'docker' }, resolve);
    call.on('error', reject);
    call.end(text);
  });
}

async function readSwarmState(
  response: IncomingMessage,
  maxBytes: number,
  what: string,
): Promise<string | undefined> {
  await readBody(response, maxBytes, what);
  const { swarm } = response.headers;
  return typeof swarm === 'string' ? swarm : undefined;
}

async function readBody(response: IncomingMessage, maxBytes: number, what: string): Promise<unknown> {
  const bytes = await readBounded(response, maxBytes, what);
  const body: unknown = parseBody(bytes.toString('utf8'));
  const status = response.statusCode ?? 0;
  if (status < 400) return body;
  throw new EngineError(status, errorText(body) ?? `the engine responded with status ${status}`);
}

function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function errorText(body: unknown): string | undefined {
  if (typeof body === 'string') return body.trim().slice(0, maxErrorLength);
  if (typeof body === 'object' && body !== null && 'message' in body) return errorText(String(body.message));
  return undefined;
}
