import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/**
 * Docker engines in this process: the part of their API that belt uses, over real HTTP on Unix
 * sockets. Engines form swarms (https://docs.docker.com/reference/api/engine/).
 */
export class Engines {
  private readonly engines = new Map<string, Engine>();
  readonly swarms: Swarm[] = [];
  /** How many engines handle `POST /swarm/join` now, and the maximum so far. */
  joining = { now: 0, most: 0 };
  /** False: the machine is stopped, and its node is down. */
  isUp: (name: string) => boolean = () => true;
  /** Called with each request before the engine responds. */
  onRequest: (request: Request, engine: Engine) => void = () => {};

  constructor(private readonly folder: string) {}

  /** Returns the machine's engine, which starts to listen on first use. */
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
  nodes: Node[];
  services: Service[];
  tasks: Task[];
  version: number;
  /** As returned by `GET /swarm`. */
  spec: {
    EncryptionConfig: { AutoLockManagers: boolean };
    CAConfig: { ForceRotate?: number; NodeCertExpiry: number };
  };
  unlockKey: string;
  /** How many requests for `GET /swarm` a CA rotation takes. */
  rotatingLooks: number;
  /**
   * The leader has not noticed that others are down: it returns outdated nodes, and changes never
   * finish.
   */
  isUnaware?: boolean;
}

export interface Service {
  id: string;
  name: string;
  mode: 'Replicated' | 'Global';
}

export interface Task {
  service: string;
  node: Node;
  slot?: number;
  state: string;
  /** Default: the real state, except on a drained node. */
  desired?: string;
  problem?: string;
}

export interface Container {
  name: string;
  labels?: Record<string, string>;
}

export interface Node {
  id: string;
  engine: Engine;
  role: 'manager' | 'worker';
  availability: string;
  labels: Record<string, string>;
  version: number;
  /** `ready`, `down`. */
  status: string;
  /** For managers; empty: not in the Raft group, as after `--force-new-cluster`. */
  reachability: string;
  /** Only the entry remains. */
  left?: boolean;
  /** Of a manager; default: the machine's name. */
  advertised?: string;
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

type State = 'inactive' | 'pending' | 'active' | 'error' | 'locked';

/** moby, daemon/cluster/errors.go */
export const joinTimeout =
  'Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.';

/** moby, daemon/cluster/errors.go (`errNoManager` and swarmkit's `ErrNoRaftLeader`). */
export const noLeader =
  "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

export class Engine {
  readonly requests: Request[] = [];
  state: State = 'inactive';
  /** `Swarm.Error` of `GET /info`. */
  error = '';
  /**
   * A join continues in the background, and the engine is a member after this many requests for
   * `GET /info`.
   */
  joinsAfterLooks: number | undefined;
  /** The error with which such a join fails. */
  joinError: string | undefined;
  /** Runs during a join request. */
  whileJoining: () => Promise<void> = async () => {};
  containers: Container[] = [];
  /** Other nodes cannot reach port 2377 of this engine. */
  closed = false;
  liveRestore = false;
  /** Overrides responses by path. */
  readonly answers = new Map<string, () => Answer | undefined>();
  private stored: Membership | undefined;
  private pending: { swarm: Swarm; role: 'manager' | 'worker'; at: string } | undefined;
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

  /** Closes idle connections, as an engine does when it restarts. */
  hangUp(): void {
    this.server.closeIdleConnections();
  }

  get isUp(): boolean {
    return this.engines.isUp(this.name);
  }

  get swarm(): Swarm | undefined {
    return this.engines.swarms.find(({ nodes }) => nodes.some((node) => this.is(node)));
  }

  get node(): Node | undefined {
    return this.swarm?.nodes.find((node) => this.is(node));
  }

  private get membership(): Membership | undefined {
    const { swarm, node } = this;
    return swarm && node && { swarm, node };
  }

  /** As after the swarm folder lost its `docker-state.json`: the engine starts outside the swarm. */
  standAside(): void {
    this.stored = this.membership;
    if (this.stored) goAway(this.stored.node);
    this.state = 'inactive';
  }

  /**
   * A second view of the swarm, with the same ID: this engine is its only manager, and the workers
   * follow it. The other managers keep the first view.
   */
  private forceNewCluster({ swarm: old, node: own }: Membership, spec: Swarm['spec']): Answer {
    const nodes = old.nodes.map((node): Node => {
      const isHere = node === own || (node.role === 'worker' && !node.left);
      const seen = isHere
        ? { status: 'ready', reachability: 'reachable' }
        : { status: 'down', reachability: '' };
      return { ...node, ...seen, left: !isHere };
    });
    goAway(own);
    for (const node of old.nodes) if (node.role === 'worker') goAway(node);
    this.engines.swarms.push({ ...old, nodes, spec: { ...old.spec, ...spec } });
    this.stored = undefined;
    this.state = 'active';
    return { status: 200, body: own.id };
  }

  private is({ engine, left }: Node): boolean {
    return engine === this && !left;
  }

  /** Makes the engine a long-standing member of a swarm, without a request. */
  beIn(swarm: Swarm, role: 'manager' | 'worker'): void {
    const previous = swarm.nodes.filter(({ engine }) => engine === this).length;
    swarm.nodes.push({
      id: `${swarm.id}-${this.name}${previous > 0 ? `-${previous + 1}` : ''}`,
      engine: this,
      role,
      availability: 'active',
      labels: {},
      version: 1,
      status: 'ready',
      reachability: 'reachable',
    });
    this.state = 'active';
  }

  /** As after a join whose client gave up: the engine continues on its own. */
  beJoining(swarm: Swarm, role: 'manager' | 'worker', looks: number, at = 'node1:2377'): void {
    this.pending = { swarm, role, at };
    this.joinsAfterLooks = looks;
    this.state = 'pending';
  }

  newSwarm(id: string): Swarm {
    const swarm: Swarm = {
      id,
      tokens: { Worker: `SWMTKN-1-${id}-worker`, Manager: `SWMTKN-1-${id}-manager` },
      nodes: [],
      services: [],
      tasks: [],
      version: 7,
      spec: {
        EncryptionConfig: { AutoLockManagers: false },
        CAConfig: { NodeCertExpiry: 90 * 24 * 60 * 60 * 1e9 },
      },
      unlockKey: `SWMKEY-1-${id}`,
      rotatingLooks: 0,
    };
    this.engines.swarms.push(swarm);
    this.beIn(swarm, 'manager');
    return swarm;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request;
    const content = await text(request);
    const body: unknown = content === '' ? undefined : JSON.parse(content);
    const got = { method, path, ...(body !== undefined && { body }) };
    this.requests.push(got);
    this.engines.onRequest(got, this);
    const answer = this.answers.get(path)?.() ?? (await this.answer(`${method} ${path}`, body));
    response.writeHead(answer.status, { 'Content-Type': 'application/json', Swarm: this.ownState });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }

  private async answer(request: string, body: unknown): Promise<Answer> {
    if (request === 'GET /_ping') return { status: 200, body: 'OK' };
    if (request === 'GET /version') return { status: 200, body: { Version: '28.1.0' } };
    if (request === 'GET /info')
      return { status: 200, body: { Swarm: this.look(), LiveRestoreEnabled: this.liveRestore } };
    if (request === 'POST /swarm/init') return this.init(body as { Spec: Swarm['spec'] });
    if (request === 'POST /swarm/join') return this.join(body as JoinBody);
    if (request === 'GET /containers/json')
      return { status: 200, body: this.containers.map(containerDocument) };
    if (request.startsWith('POST /swarm/leave')) return this.leave(request.endsWith('force=true'));
    if (request === 'POST /swarm/unlock') return this.unlock(body as { UnlockKey: string });
    if (!this.swarm || this.node?.role !== 'manager')
      return refusal(503, 'This node is not a swarm manager.');
    if (!(request.startsWith('GET ') ? canRead(this.swarm) : hasQuorum(this.swarm)))
      return refusal(503, noLeader);
    if (request === 'GET /nodes') return { status: 200, body: nodesOf(this.swarm) };
    if (request === 'GET /services') return { status: 200, body: this.swarm.services.map(serviceDocument) };
    if (request.startsWith('GET /tasks')) return { status: 200, body: tasksOf(this.swarm, request) };
    return (
      swarmAnswer(this.swarm, request, body) ??
      nodeAnswer(this.swarm, request, body) ??
      refusal(404, 'page not found')
    );
  }

  /** The header of `GET /_ping`. */
  private get ownState(): string {
    return this.state === 'active' ? `active/${this.node?.role ?? 'worker'}` : this.state;
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
      ...(manager && swarm && canRead(swarm) && { Cluster: { ID: swarm.id } }),
      RemoteManagers: this.pending
        ? [{ NodeID: '', Addr: this.pending.at }]
        : swarm?.nodes.flatMap(({ engine, role }) =>
            role === 'manager' ? [{ NodeID: '', Addr: `${engine.name}:2377` }] : [],
          ),
    };
  }

  private settle(): void {
    if (this.joinError !== undefined) {
      this.state = 'error';
      this.error = this.joinError;
    } else if (this.node) {
      // A new manager counts for the quorum before it takes part.
      this.state = 'active';
    } else if (this.pending) {
      this.beIn(this.pending.swarm, this.pending.role);
    }
    this.pending = undefined;
  }

  private init({ Spec, ForceNewCluster }: { Spec: Swarm['spec']; ForceNewCluster?: boolean }): Answer {
    const previous = this.stored ?? this.membership;
    if (ForceNewCluster && previous) return this.forceNewCluster(previous, Spec);
    if (this.state !== 'inactive') return refusal(503, 'This node is already part of a swarm.');
    const earlier = this.engines.swarms.filter(({ id }) => id.startsWith(`swarm-of-${this.name}`)).length;
    const id = `swarm-of-${this.name}${earlier > 0 ? `-${earlier + 1}` : ''}`;
    Object.assign(this.newSwarm(id).spec, Spec);
    return { status: 200, body: this.node?.id };
  }

  /** The entry stays, as `down`. */
  private leave(force: boolean): Answer {
    const { node } = this;
    if (!node && (this.pending || this.state === 'error')) {
      this.pending = undefined;
      this.joinsAfterLooks = undefined;
      this.state = 'inactive';
      this.error = '';
      return { status: 200 };
    }
    if (!node) return refusal(503, 'This node is not part of a swarm');
    if (node.role === 'manager' && !force)
      return refusal(
        503,
        'You are attempting to leave the swarm on a node that is participating as a manager.',
      );
    goAway(node);
    this.pending = undefined;
    this.joinsAfterLooks = undefined;
    this.state = 'inactive';
    return { status: 200 };
  }

  private async join({ JoinToken: token, RemoteAddrs, Availability }: JoinBody): Promise<Answer> {
    const { joining } = this.engines;
    joining.now++;
    joining.most = Math.max(joining.most, joining.now);
    await this.whileJoining();
    joining.now--;
    if (this.state !== 'inactive') return refusal(503, 'This node is already part of a swarm.');
    const [at = ''] = RemoteAddrs;
    if ((await this.engines.of(at.replace(':2377', ''))).closed) return refusal(503, unavailable(at));
    const swarm = this.engines.swarms.find(({ tokens }) => Object.values(tokens).includes(token));
    if (!swarm) return refusal(400, 'invalid join token');
    const role = swarm.tokens.Manager === token ? 'manager' : 'worker';
    if (this.joinsAfterLooks === undefined) {
      this.beIn(swarm, role);
      Object.assign(this.node ?? {}, { availability: Availability ?? 'active' });
      return { status: 200 };
    }
    this.beJoining(swarm, role, this.joinsAfterLooks, at);
    return refusal(503, joinTimeout);
  }

  private unlock({ UnlockKey: key }: { UnlockKey: string }): Answer {
    if (this.state !== 'locked') return refusal(409, 'swarm is not locked');
    if (key !== this.swarm?.unlockKey) return refusal(400, 'invalid key provided');
    this.state = 'active';
    return { status: 200 };
  }
}

interface Membership {
  swarm: Swarm;
  node: Node;
}

interface JoinBody {
  JoinToken: string;
  RemoteAddrs: string[];
  Availability?: string;
}

/** An error of gRPC, as the engine passes it on. */
function unavailable(address: string): string {
  return `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp ${address}: connect: connection refused"`;
}

/** `GET /swarm`, `POST /swarm/update?version=N&rotateX=true` and `GET /swarm/unlockkey`. */
function swarmAnswer(swarm: Swarm, request: string, body: unknown): Answer | undefined {
  if (request === 'GET /swarm') return { status: 200, body: swarmDocument(swarm) };
  if (request === 'GET /swarm/unlockkey') {
    const isLocked = swarm.spec.EncryptionConfig?.AutoLockManagers;
    return { status: 200, body: { UnlockKey: isLocked ? swarm.unlockKey : '' } };
  }
  const [, version, rotation] = /^POST \/swarm\/update\?version=(\d+)(?:&(\w+)=true)?$/.exec(request) ?? [];
  if (version === undefined) return undefined;
  if (Number(version) !== swarm.version)
    return refusal(500, 'rpc error: code = Unknown desc = update out of sequence');
  swarm.version++;
  swarm.spec = body as Swarm['spec'];
  if (rotation === 'rotateWorkerToken') swarm.tokens.Worker += '-new';
  if (rotation === 'rotateManagerToken') swarm.tokens.Manager += '-new';
  if (rotation === 'rotateManagerUnlockKey') swarm.unlockKey += '-new';
  return { status: 200 };
}

function swarmDocument(swarm: Swarm): unknown {
  return {
    Version: { Index: swarm.version },
    Spec: swarm.spec,
    JoinTokens: swarm.tokens,
    RootRotationInProgress: swarm.rotatingLooks-- > 0,
    ...(swarm.spec.CAConfig.ForceRotate && {
      TLSInfo: { TrustRoot: `root ${swarm.spec.CAConfig.ForceRotate}\n` },
    }),
  };
}

/** Only the entry remains. */
function goAway(node: Node): void {
  Object.assign(node, { status: 'down', reachability: node.reachability && 'unreachable', left: true });
}

function managersOf({ nodes }: Swarm): Node[] {
  return nodes.filter(({ role }) => role === 'manager');
}

function isReachable({ engine, reachability, left }: Node): boolean {
  return engine.isUp && !left && reachability === 'reachable';
}

/** Counts running machines; the leader's view of their reachability may be outdated. */
export function hasQuorum(swarm: Swarm): boolean {
  const managers = managersOf(swarm).filter(({ reachability }) => reachability !== '');
  return managers.filter(({ engine, left }) => engine.isUp && !left).length * 2 > managers.length;
}

/** Whether there is a leader, or one that believes to be. */
function canRead(swarm: Swarm): boolean {
  return hasQuorum(swarm) || swarm.isUnaware === true;
}

function nodesOf(swarm: Swarm): unknown[] {
  const leader = managersOf(swarm).find(isReachable);
  return swarm.nodes.map((node) => documentOf(node, node === leader, swarm.isUnaware));
}

function documentOf(node: Node, leader: boolean, isUnaware = false): unknown {
  const { id, engine, version, status, reachability, ...spec } = node;
  const seemsUp = isUnaware || engine.isUp;
  return {
    ID: id,
    Version: { Index: version },
    Spec: { Role: spec.role, Availability: spec.availability, Labels: spec.labels },
    Description: {
      Hostname: engine.name,
      Engine: { EngineVersion: '28.1.0' },
      TLSInfo: { TrustRoot: `root ${engine.swarm?.spec.CAConfig.ForceRotate ?? 0}\n` },
    },
    Status: { State: seemsUp ? status : 'down', Addr: engine.name },
    ...(spec.role === 'manager' &&
      reachability !== '' && {
        ManagerStatus: {
          Reachability: seemsUp ? reachability : 'unreachable',
          Addr: `${node.advertised ?? engine.name}:2377`,
          ...(leader && { Leader: true }),
        },
      }),
  };
}

/** `GET /nodes/ID`, `POST /nodes/ID/update?version=N` and `DELETE /nodes/ID?force=F`. */
function nodeAnswer(swarm: Swarm, request: string, body: unknown): Answer | undefined {
  const [, method, id, rest = ''] = /^(\S+) \/nodes\/([^/?]+)(.*)$/.exec(request) ?? [];
  const node = swarm.nodes.find((candidate) => candidate.id === id);
  if (!node) return id === undefined ? undefined : refusal(404, `node ${id} not found`);
  if (method === 'GET') return { status: 200, body: documentOf(node, false) };
  if (method === 'DELETE') return removal(swarm, node, rest.endsWith('force=true'));
  return update(node, Number(rest.replace('/update?version=', '')), body);
}

function removal(swarm: Swarm, node: Node, force: boolean): Answer {
  if (node.role === 'manager' && node.reachability !== '')
    return refusal(500, 'node is a cluster manager and is a member of the raft cluster.');
  if (node.status !== 'down' && !force)
    return refusal(500, `node ${node.id} is not down and can't be removed`);
  swarm.nodes = swarm.nodes.filter((candidate) => candidate !== node);
  return { status: 200 };
}

function update(node: Node, version: number, body: unknown): Answer {
  if (version !== node.version)
    return refusal(500, 'rpc error: code = Unknown desc = update out of sequence');
  const spec = body as { Role: Node['role']; Availability: string; Labels?: Record<string, string> };
  Object.assign(node, {
    role: spec.Role,
    availability: spec.Availability,
    labels: spec.Labels ?? {},
    version: node.version + 1,
  });
  return { status: 200 };
}

function serviceDocument({ id, name, mode }: Service): unknown {
  return { ID: id, Spec: { Name: name, Mode: { [mode]: {} } } };
}

function containerDocument({ name, labels = {} }: Container): unknown {
  return { Names: [`/${name}`], Labels: labels };
}

/**
 * The filters `node` and `desired-state=running`: a task's desired state is its state, except on a
 * drained node.
 */
function tasksOf({ tasks }: Swarm, request: string): unknown[] {
  const query = new URL(request.replace(/^GET /, ''), 'http://engine').searchParams.get('filters') ?? '{}';
  const {
    node: nodes,
    service: services,
    'desired-state': desired,
  } = JSON.parse(query) as Record<string, string[]>;
  return tasks
    .map((task, index) => ({
      ID: `task${index}`,
      ServiceID: task.service,
      NodeID: task.problem === undefined ? task.node.id : '',
      ...(task.slot !== undefined && { Slot: task.slot }),
      Status: { State: task.state, Err: task.problem ?? '' },
      DesiredState: task.desired ?? (task.node.availability === 'drain' ? 'shutdown' : 'running'),
    }))
    .filter(
      ({ NodeID, ServiceID, DesiredState }) =>
        (nodes?.includes(NodeID) ?? true) &&
        (services?.includes(ServiceID) ?? true) &&
        (desired?.includes(DesiredState) ?? true),
    );
}

function refusal(status: number, message: string): Answer {
  return { status, body: { message } };
}
