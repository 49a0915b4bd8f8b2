import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Account, ApiError, type Backend, type FakeDroplet } from './account.js';
import { regions, sizes } from './catalogue.js';
import { type Exchange, readSpecification } from './specification.js';

/** A fault in the response to the next matching request. */
export interface Fault {
  /** `POST /v2/droplets` */
  on: RegExp;
  /**
   * `burst`: 429 with `retry-after`; `hour`: 429 with no requests left until `ratelimit-reset`;
   * `lost`: the request succeeds but the response never arrives; `half`: the same with half of the
   * droplets created; `slow`: the response takes too long.
   */
  kind: 'burst' | 'hour' | 'error' | 'page' | 'lost' | 'half' | 'slow' | 'forbidden';
  /** Default: 1. */
  times?: number;
  /** For `burst` and `hour`. */
  seconds?: number;
}

/**
 * An emulated DigitalOcean API: stateful, with its limits (ten names per request, 250 requests a
 * minute, pages of 20) and, on demand, its faults. It follows the public specification and checks
 * each request and response against it where the document is available.
 */
export interface Emulator {
  readonly url: string;
  readonly token: string;
  readonly account: Account;
  /** `POST /v2/droplets`, in order. */
  readonly requests: string[];
  readonly agents: Set<string>;
  /** Requests and responses that violate the specification. */
  readonly violations: string[];
  /** Whether the specification is available. */
  readonly specified: boolean;
  fail(fault: Fault): void;
  close(): Promise<void>;
}

export async function startEmulator(backend: Backend): Promise<Emulator> {
  const specification = await readSpecification();
  const account = new Account(backend);
  const token = 'dop_v1_0123456789abcdef-secret';
  const requests: string[] = [];
  const agents = new Set<string>();
  const violations: string[] = [];
  const faults: Fault[] = [];
  const times: number[] = [];
  let hourly = 5000;

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      violations.push(`the emulator failed: ${(error as Error).stack}`);
      response.destroy();
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = await read(request);
    const line = `${exchange.method} ${exchange.path}`;
    requests.push(line);
    agents.add(String(request.headers['user-agent']));
    hourly -= 1;
    const send = (status: number, body?: unknown, headers: Record<string, string> = {}) => {
      if (body !== undefined && typeof body !== 'string')
        check(specification?.answer(exchange, status, body), line);
      const limits = {
        'ratelimit-limit': '5000',
        'ratelimit-remaining': String(hourly),
        'ratelimit-reset': String(Math.floor(Date.now() / 1000) + 3600),
      };
      const type = typeof body === 'string' ? 'text/html' : 'application/json';
      response.writeHead(status, { ...limits, 'content-type': type, ...headers });
      response.end(typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body));
    };
    if (exchange.headers['authorization'] !== `Bearer ${token}`) {
      send(401, { id: 'unauthorized', message: 'Unable to authenticate you' });
      return;
    }
    check(specification?.request(exchange), line);
    const fault = tooMany(times) ? ({ on: /./, kind: 'burst', seconds: 30 } as const) : take(faults, line);
    if (fault) fail(fault, exchange, response, send);
    else answer(exchange, send);
  }

  function answer(exchange: Exchange, send: Send): void {
    try {
      const { status, body } = route(account, exchange);
      send(status, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      send(error.status, { id: error.id, message: error.message });
    }
  }

  function fail(
    { kind, seconds = 1 }: Fault,
    exchange: Exchange,
    response: ServerResponse,
    send: Send,
  ): void {
    const reset = String(Math.floor(Date.now() / 1000) + seconds);
    const effects: Record<Fault['kind'], () => void> = {
      burst: () => send(429, limited, { 'retry-after': String(seconds) }),
      hour: () => send(429, limited, { 'ratelimit-remaining': '0', 'ratelimit-reset': reset }),
      error: () => send(500, { id: 'server_error', message: 'Unexpected server-side error' }),
      page: () => send(502, '<html><body>502 Bad Gateway</body></html>'),
      forbidden: () =>
        send(403, { id: 'forbidden', message: 'You are missing the permission droplet:create' }),
      slow: () => {},
      lost: () => {
        route(account, exchange);
        response.destroy();
      },
      half: () => {
        const { names, ...body } = exchange.body as { names: string[] };
        const some = names.slice(0, Math.ceil(names.length / 2));
        route(account, { ...exchange, body: { ...body, names: some } });
        response.destroy();
      },
    };
    effects[kind]();
  }

  function check(wrong: string[] | undefined, line: string): void {
    for (const one of wrong ?? []) violations.push(`${line}: ${one}`);
  }

  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v2`,
    token,
    account,
    requests,
    agents,
    violations,
    specified: specification !== undefined,
    fail: (fault) => faults.push(fault),
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await Promise.all(account.work);
    },
  };
}

type Send = (status: number, body?: unknown, headers?: Record<string, string>) => void;

const limited = { id: 'too_many_requests', message: 'API Rate limit exceeded.' };

async function read(request: IncomingMessage): Promise<Exchange> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = String(Buffer.concat(chunks));
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: request.headers as Record<string, string>,
    ...(text && { body: JSON.parse(text) as unknown }),
  };
}

function tooMany(times: number[]): boolean {
  const now = Date.now();
  times.push(now);
  return times.filter((time) => time > now - 60_000).length > 250;
}

function take(faults: Fault[], line: string): Fault | undefined {
  const index = faults.findIndex(({ on }) => on.test(line));
  const fault = faults[index];
  if (!fault) return undefined;
  fault.times = (fault.times ?? 1) - 1;
  if (fault.times === 0) faults.splice(index, 1);
  return fault;
}

interface Answered {
  status: number;
  body?: unknown;
}

type Handler = (account: Account, exchange: Exchange, words: string[]) => Answered;

const routes: readonly (readonly [pattern: RegExp, handler: Handler])[] = [
  [/^GET \/account$/, (account) => ok({ account: person(account) })],
  [/^GET \/sizes$/, (_, { query }) => ok(page('sizes', sizes, query))],
  [/^GET \/regions$/, (_, { query }) => ok(page('regions', regions, query))],
  [
    /^GET \/images$/,
    (account, { query }) =>
      ok(
        page(
          'images',
          account.images.filter((one) => !(query['private'] && one.public)),
          query,
        ),
      ),
  ],
  [
    /^GET \/images\/(.+)$/,
    (account, _, [id = '']) =>
      ok({ image: found(account.images.find((one) => String(one.id) === id || one.slug === id)) }),
  ],
  [
    /^DELETE \/images\/(\d+)$/,
    (account, _, [id]) => {
      const index = account.images.findIndex((one) => !one.public && String(one.id) === id);
      found(account.images[index]);
      account.images.splice(index, 1);
      return gone;
    },
  ],
  [/^GET \/vpcs$/, (_, { query }) => ok(page('vpcs', vpcs, query))],
  [/^GET \/account\/keys$/, (account, { query }) => ok(page('ssh_keys', [...account.keys.values()], query))],
  [/^GET \/account\/keys\/(.+)$/, (account, _, [id = '']) => ok({ ssh_key: account.key(id) })],
  [
    /^POST \/account\/keys$/,
    (account, { body }) => created({ ssh_key: account.addKey(body as Record<string, unknown>) }),
  ],
  [
    /^DELETE \/account\/keys\/(.+)$/,
    (account, _, [id = '']) => {
      account.keys.delete(account.key(id).id);
      return gone;
    },
  ],
  [
    /^GET \/firewalls$/,
    (account, { query }) => ok(page('firewalls', [...account.firewalls.values()], query)),
  ],
  [
    /^POST \/firewalls$/,
    (account, { body }) => ({
      status: 202,
      body: { firewall: account.addFirewall(body as Record<string, unknown>) },
    }),
  ],
  [
    /^DELETE \/firewalls\/(.+)$/,
    (account, _, [id = '']) => {
      found(account.firewalls.get(id));
      account.firewalls.delete(id);
      return gone;
    },
  ],
  [
    /^POST \/tags$/,
    (account, { body }) => {
      const { name } = body as { name: string };
      account.tags.add(name);
      return created({ tag: { name, resources: { count: 0, last_tagged_uri: '' } } });
    },
  ],
  [
    /^POST \/tags\/([^/]+)\/resources$/,
    (account, { body }, [tag = '']) => {
      if (!account.tags.has(tag)) throw new ApiError(404, 'not_found', 'tag not found');
      for (const { resource_id: id } of (body as { resources: { resource_id: string }[] }).resources)
        account.droplet(Number(id)).tags.push(tag);
      return gone;
    },
  ],
  [
    /^DELETE \/tags\/([^/]+)$/,
    (account, _, [tag = '']) => {
      for (const droplet of account.droplets.values())
        droplet.tags = droplet.tags.filter((one) => one !== tag);
      account.tags.delete(tag);
      return gone;
    },
  ],
  [
    /^GET \/droplets$/,
    (account, { query }) => {
      const tag = query['tag_name'];
      return ok(page('droplets', tag ? account.tagged(tag) : [...account.droplets.values()], query));
    },
  ],
  [
    /^POST \/droplets$/,
    (account, { body }) => {
      const droplets = account.createDroplets(body as Record<string, unknown>);
      return { status: 202, body: { droplets: droplets.map(shown), links: { actions: [] } } };
    },
  ],
  [
    /^DELETE \/droplets$/,
    (account, { query }) => {
      for (const { id } of account.tagged(String(query['tag_name']))) account.destroy(id);
      return gone;
    },
  ],
  [
    /^POST \/droplets\/actions$/,
    (account, { body, query }) => {
      const droplets = account.tagged(String(query['tag_name']));
      return created({
        actions: droplets.map((droplet) => account.startAction(droplet, body as Record<string, unknown>)),
      });
    },
  ],
  [/^GET \/droplets\/(\d+)$/, (account, _, [id]) => ok({ droplet: shown(account.droplet(Number(id))) })],
  [
    /^DELETE \/droplets\/(\d+)$/,
    (account, _, [id]) => {
      account.destroy(Number(id));
      return gone;
    },
  ],
  [
    /^POST \/droplets\/(\d+)\/actions$/,
    (account, { body }, [id]) =>
      created({ action: account.startAction(account.droplet(Number(id)), body as Record<string, unknown>) }),
  ],
];

const vpcs = [
  {
    id: '5a4981aa-9653-4bd1-bef5-d6bff52042e4',
    urn: 'do:vpc:5a4981aa-9653-4bd1-bef5-d6bff52042e4',
    name: 'inner',
    description: '',
    region: 'nyc3',
    ip_range: '10.10.10.0/24',
    created_at: '2024-10-24T00:00:00Z',
    default: false,
  },
];

function route(account: Account, exchange: Exchange): Answered {
  const line = `${exchange.method} ${exchange.path.replace(/^\/v2/, '')}`;
  for (const [pattern, handler] of routes) {
    const match = pattern.exec(line);
    if (match) return handler(account, exchange, match.slice(1).map(decodeURIComponent));
  }
  throw new ApiError(404, 'not_found', `the emulator has no ${line}`);
}

const gone: Answered = { status: 204 };

function ok(body: unknown): Answered {
  return { status: 200, body };
}

function created(body: unknown): Answered {
  return { status: 201, body };
}

function found<T>(value: T | undefined): T {
  if (value === undefined)
    throw new ApiError(404, 'not_found', 'The resource you requested could not be found.');
  return value;
}

function page(
  field: string,
  items: readonly object[],
  { per_page: size = '20', page: number = '1' }: Record<string, string>,
) {
  const [length, at] = [Number(size), Number(number)];
  const last = Math.max(1, Math.ceil(items.length / length));
  const to = (n: number) => `https://api.digitalocean.com/v2/${field}?page=${n}&per_page=${length}`;
  const pages = {
    ...(at > 1 && { prev: to(at - 1), first: to(1) }),
    ...(at < last && { next: to(at + 1), last: to(last) }),
  };
  const shownItems = items.slice((at - 1) * length, at * length);
  return { [field]: structuredClone(shownItems), links: { pages }, meta: { total: items.length } };
}

function shown(droplet: FakeDroplet): FakeDroplet {
  return structuredClone(droplet);
}

function person({ dropletLimit }: Account) {
  return {
    droplet_limit: dropletLimit,
    floating_ip_limit: 5,
    email: 'sammy@example.org',
    name: 'Sammy',
    uuid: 'b6fr89dbf6d9156cace5f3c78dc9851d957381ef',
    email_verified: true,
    status: 'active',
    status_message: '',
  };
}
