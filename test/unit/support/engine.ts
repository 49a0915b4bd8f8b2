import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/**
 * Docker engines in this process: the part of their API that belt uses, over real HTTP on Unix sockets, with swarms whose nodes
 * are the engines (https://docs.docker.com/reference/api/engine/).
 */
export class Engines {
  private readonly engines = new Map<string, Engine>();
  readonly swarms: Swarm[] = [];
  /** How many engines are busy with `POST /swarm/join` now, and at most so far. */
  joining = { now: 0, most: 0 };

  constructor(private readonly folder: string) {}

  /** The engine of the machine; it begins to listen when first asked for. */
  async of(name: string): Promise<Engine> {
    const known = this.engines.get(name);
    if (known) return known;
    const engine = new Engine(name, join(this.folder, `${name}.sock`), this);
    this.engines.set(name, engine);
    await engine.listen();
    return engine;
  }

  async close(): Promise<void> {
    await Promise.all([...this.engines.values()].map((engine) => engine.close()));
  }
}

export interface Swarm {
  id: string;
  tokens: { Worker: string; Manager: string };
  nodes: { id: string; engine: Engine; role: 'manager' | 'worker' }[];
}

export interface Request {
  method: string;
  path: string;
  body?: unknown;
}

export interface Answer {
  status: number;
  body?: unknown;
}

type State = 'inactive' | 'pending' | 'active' | 'error';

/** moby, daemon/cluster/errors.go */
export const joinTimeout =
  'Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.';

export class Engine {
  readonly requests: Request[] = [];
  state: State = 'inactive';
  /** What `Swarm.Error` of `GET /info` says. */
  error = '';
  /** A join answers that it goes on in the background; after so many looks at `GET /info` the engine is a member. */
  joinsAfterLooks: number | undefined;
  /** How such a join ends instead. */
  joinError: string | undefined;
  /** Runs while a join is being asked for. */
  whileJoining: () => Promise<void> = async () => {};
  /** Answers these paths otherwise. */
  readonly answers = new Map<string, () => Answer>();
  private pending: { swarm: Swarm; role: 'manager' | 'worker' } | undefined;
  private readonly server = createServer((request, response) => void this.serve(request, response));

  constructor(
    readonly name: string,
    readonly path: string,
    private readonly engines: Engines,
  ) {}

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.path, resolve));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Ends connections on which nothing is asked, as an engine that restarts. */
  hangUp(): void {
    this.server.closeIdleConnections();
  }

  get swarm(): Swarm | undefined {
    return this.engines.swarms.find(({ nodes }) => nodes.some(({ engine }) => engine === this));
  }

  private get node(): Swarm['nodes'][number] | undefined {
    return this.swarm?.nodes.find(({ engine }) => engine === this);
  }

  /** Takes the engine into a swarm without a request, as one that has been there for long. */
  beIn(swarm: Swarm, role: 'manager' | 'worker'): void {
    swarm.nodes.push({ id: `${swarm.id}-${this.name}`, engine: this, role });
    this.state = 'active';
  }

  /** As after a join whose caller gave up: the engine goes on joining by itself. */
  beJoining(swarm: Swarm, role: 'manager' | 'worker', looks: number): void {
    this.pending = { swarm, role };
    this.joinsAfterLooks = looks;
    this.state = 'pending';
  }

  newSwarm(id: string): Swarm {
    const swarm: Swarm = {
      id,
      tokens: { Worker: `SWMTKN-1-${id}-worker`, Manager: `SWMTKN-1-${id}-manager` },
      nodes: [],
    };
    this.engines.swarms.push(swarm);
    this.beIn(swarm, 'manager');
    return swarm;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request;
    const content = await text(request);
    const body: unknown = content === '' ? undefined : JSON.parse(content);
    this.requests.push({ method, path, ...(body !== undefined && { body }) });
    const answer = this.answers.get(path)?.() ?? (await this.answer(`${method} ${path}`, body));
    response.writeHead(answer.status, { 'Content-Type': 'application/json' });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }

  private async answer(request: string, body: unknown): Promise<Answer> {
    if (request === 'GET /version') return { status: 200, body: { Version: '28.1.0' } };
    if (request === 'GET /info') return { status: 200, body: { Swarm: this.look() } };
    if (request === 'POST /swarm/init') return this.init();
    if (request === 'POST /swarm/join') return this.join(body as { JoinToken: string });
    if (!this.swarm || this.node?.role !== 'manager')
      return refusal(503, 'This node is not a swarm manager.');
    if (request === 'GET /swarm') return { status: 200, body: { JoinTokens: this.swarm.tokens } };
    if (request === 'GET /nodes') return { status: 200, body: nodesOf(this.swarm) };
    return refusal(404, 'page not found');
  }

  private look(): unknown {
    if (this.pending && this.joinsAfterLooks !== undefined && this.joinsAfterLooks-- <= 0) this.settle();
    const { swarm, node } = this;
    const manager = node?.role === 'manager';
    return {
      LocalNodeState: this.state,
      NodeID: node?.id ?? '',
      NodeAddr: swarm ? this.name : '',
      ControlAvailable: manager,
      Error: this.error,
      ...(manager && swarm && { Cluster: { ID: swarm.id } }),
      RemoteManagers: swarm?.nodes.flatMap(({ engine, role }) =>
        role === 'manager' ? [{ NodeID: '', Addr: `${engine.name}:2377` }] : [],
      ),
    };
  }

  private settle(): void {
    if (this.joinError !== undefined) {
      this.state = 'error';
      this.error = this.joinError;
    } else if (this.pending) {
      this.beIn(this.pending.swarm, this.pending.role);
    }
    this.pending = undefined;
  }

  private init(): Answer {
    if (this.state !== 'inactive') return refusal(503, 'This node is already part of a swarm.');
    this.newSwarm(`swarm-of-${this.name}`);
    return { status: 200, body: this.node?.id };
  }

  private async join({ JoinToken: token }: { JoinToken: string }): Promise<Answer> {
    const { joining } = this.engines;
    joining.now++;
    joining.most = Math.max(joining.most, joining.now);
    await this.whileJoining();
    joining.now--;
    const swarm = this.engines.swarms.find(({ tokens }) => Object.values(tokens).includes(token));
    if (!swarm) return refusal(400, 'invalid join token');
    if (this.state !== 'inactive') return refusal(503, 'This node is already part of a swarm.');
    const role = swarm.tokens.Manager === token ? 'manager' : 'worker';
    if (this.joinsAfterLooks === undefined) {
      this.beIn(swarm, role);
      return { status: 200 };
    }
    this.beJoining(swarm, role, this.joinsAfterLooks);
    return refusal(503, joinTimeout);
  }
}

function nodesOf({ nodes }: Swarm): unknown[] {
  return nodes.map(({ id, engine, role }, index) => ({
    ID: id,
    Spec: { Role: role, Availability: 'active' },
    Description: { Hostname: engine.name, Engine: { EngineVersion: '28.1.0' } },
    Status: { State: 'ready', Addr: engine.name },
    ...(role === 'manager' && {
      ManagerStatus: {
        Reachability: 'reachable',
        Addr: `${engine.name}:2377`,
        ...(index === 0 && { Leader: true }),
      },
    }),
  }));
}

function refusal(status: number, message: string): Answer {
  return { status, body: { message } };
}
