import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import * as z from 'zod/mini';
import { damagedFileError, requireVersion } from '../base/files.js';
import { type Addresses, type JumpHost, type Machine, reachAddress } from '../machines/model/machine.js';
import { unusedDefaults, upgradeDocument } from './docker-machine-document.js';
import {
  beltEngine,
  beltEngineShape,
  dockerMachineEngineOf,
  engineOf,
  engineOptions,
  hostOptionsShape,
} from './engine-document.js';

/**
 * A machine's config.json: docker-machine's format, version 3, and a section `Belt` for what that
 * has no place for. So docker-machine's scripts find what they look for (`inspect -f
 * '{{.Driver.IPAddress}}'`), and belt reads its machines.
 *
 * What the driver alone understands stands in `Driver` beside the fields that all drivers share, as
 * in docker-machine.
 */
export type MachineDocument = Readonly<Record<string, unknown>>;

export interface MachineLocation {
  /** The cluster's folder, docker-machine's store path. */
  store: string;
  /**
   * The machine's folder in it; its last part is the machine's name, whatever the document says (as
   * in docker-machine).
   */
  name: string;
}

const dockerMachineVersion = 3;
const beltVersion = 1;

const text = z.optional(z.nullable(z.string()));
const addresses = z.object({ Public: z.optional(z.string()), Private: z.optional(z.string()) });

const jumpHost = z.object({ User: z.string(), Host: z.string(), Port: z.number() });

const documentShape = z.object({
  ConfigVersion: z.number(),
  DriverName: z.string(),
  Driver: z.looseObject({
    IPAddress: text,
    SSHUser: text,
    SSHPort: z.optional(z.number()),
    SSHKeyPath: text,
    StorePath: text,
  }),
  HostOptions: hostOptionsShape,
  Belt: z.optional(
    z.object({
      Version: z.number(),
      Phase: z.enum(['creating', 'ready']),
      Id: z.optional(z.string()),
      Size: z.optional(z.string()),
      Memory: z.optional(z.number()),
      Resizing: z.optional(z.boolean()),
      Addresses: addresses,
      SSHPort: z.optional(z.number()),
      JumpHost: z.optional(jumpHost),
      Engine: z.optional(beltEngineShape),
      CreatedAt: z.string(),
    }),
  ),
});
type Shape = z.infer<typeof documentShape>;

/** The fields of `Driver` that docker-machine's BaseDriver has; all others are the driver's own. */
const sharedDriverFields = new Set([
  'IPAddress',
  'MachineName',
  'SSHUser',
  'SSHPort',
  'SSHKeyPath',
  'StorePath',
  'SwarmMaster',
  'SwarmHost',
  'SwarmDiscovery',
]);

/**
 * The machine of a document. One of docker-machine's own, without `Belt`, counts as ready, made at
 * `createdAt`.
 * @throws UserError, naming `path`, when it is not such a document, or one of a later format
 */
export function fromDocument(
  document: unknown,
  { store, name, path, createdAt }: MachineLocation & { path: string; createdAt: string },
): Machine {
  requireVersions(document, path);
  const { success, data, error } = documentShape.safeParse(
    isRecord(document) ? upgradeDocument(document, { store, name }) : document,
  );
  if (!success) throw damagedFileError(path, firstIssue(error));
  const { Belt: belt, Driver: driver, HostOptions: host } = data;
  const engine = belt ? engineOf(host, belt.Engine) : dockerMachineEngineOf(host, driver['EnginePort']);
  const keyPath = rebase(driver.SSHKeyPath, driver.StorePath, store);
  return {
    name,
    driver: data.DriverName,
    phase: belt?.Phase ?? 'ready',
    ...(belt?.Id !== undefined && { id: belt.Id }),
    ...(belt?.Size !== undefined && { size: belt.Size }),
    ...(belt?.Memory !== undefined && { memory: belt.Memory }),
    ...(belt?.Resizing && { resizing: true }),
    addresses: belt ? addressesOf(belt.Addresses) : driver.IPAddress ? { public: driver.IPAddress } : {},
    ssh: {
      user: driver.SSHUser || 'root',
      port: belt?.SSHPort ?? (isForwarded(data) ? 22 : driver.SSHPort || 22),
      ...(keyPath && { keyPath }),
      ...(belt?.JumpHost && { jump: jumpOf(belt.JumpHost) }),
    },
    ...(engine && { engine }),
    driverData: Object.fromEntries(Object.entries(driver).filter(([key]) => !sharedDriverFields.has(key))),
    createdAt: belt?.CreatedAt ?? createdAt,
  };
}

/**
 * The document of a machine. What `previous`, the document on disk, holds beyond belt's knowledge
 * is kept.
 */
export function toDocument(
  machine: Machine,
  { store }: Pick<MachineLocation, 'store'>,
  previous: unknown = {},
): MachineDocument {
  const before = upgradeDocument(asRecord(previous), { store, name: machine.name });
  const hostOptions = asRecord(before['HostOptions']);
  const auth = asRecord(hostOptions['AuthOptions']);
  const forwarded = isForwarded(before);
  return {
    ...before,
    ConfigVersion: dockerMachineVersion,
    Name: machine.name,
    DriverName: machine.driver,
    Driver: {
      ...driverSection(machine, store, asRecord(before['Driver'])),
      ...(forwarded && { SSHPort: asRecord(before['Driver'])['SSHPort'] }),
    },
    HostOptions: {
      Driver: '',
      Memory: 0,
      Disk: 0,
      ...hostOptions,
      SwarmOptions: { ...unusedDefaults.swarm, ...asRecord(hostOptions['SwarmOptions']) },
      EngineOptions: {
        ...unusedDefaults.engine,
        ...asRecord(hostOptions['EngineOptions']),
        ...(machine.engine && engineOptions(machine.engine, asRecord(hostOptions['EngineOptions']))),
      },
      AuthOptions: {
        ...unusedDefaults.auth,
        ...auth,
        ...certificatePaths(machine.name, store),
        ...outsidePaths(auth, store),
        ...(machine.engine && { ServerCertSANs: machine.engine.tlsSans }),
      },
    },
    Belt: {
      ...asRecord(before['Belt']),
      ...beltSection(machine),
      ...(forwarded && { SSHPort: machine.ssh.port }),
    },
  };
}

/**
 * Whether `Driver.SSHPort` is a port of this computer's 127.0.0.1 that VirtualBox forwards, as
 * docker-machine has it: it is none of the machine's own address. It stays there for
 * docker-machine, and belt's stands in `Belt.SSHPort`.
 */
function isForwarded({ DriverName: driver, Belt: belt }: Readonly<Record<string, unknown>>): boolean {
  return driver === 'virtualbox' && (belt === undefined || asRecord(belt)['SSHPort'] !== undefined);
}

function driverSection(
  machine: Machine,
  store: string,
  before: Readonly<Record<string, unknown>>,
): MachineDocument {
  const shared = Object.fromEntries(Object.entries(before).filter(([key]) => sharedDriverFields.has(key)));
  return {
    SwarmMaster: false,
    SwarmHost: '',
    SwarmDiscovery: '',
    ...machine.driverData,
    ...shared,
    IPAddress: reachAddress(machine) ?? '',
    MachineName: machine.name,
    SSHUser: machine.ssh.user,
    SSHPort: machine.ssh.port,
    SSHKeyPath: machine.ssh.keyPath ?? '',
    StorePath: store,
  };
}

function beltSection(machine: Machine): MachineDocument {
  const { public: publicAddress, private: privateAddress } = machine.addresses;
  const { jump } = machine.ssh;
  return {
    Version: beltVersion,
    Phase: machine.phase,
    Id: machine.id,
    Size: machine.size,
    Memory: machine.memory,
    Resizing: machine.resizing,
    Addresses: { Public: publicAddress, Private: privateAddress },
    JumpHost: jump && { User: jump.user, Host: jump.host, Port: jump.port },
    Engine: machine.engine && beltEngine(machine.engine),
    CreatedAt: machine.createdAt,
  };
}

/** Where docker-machine finds a machine's certificates; absolute. */
export type RecordedCertificatePaths = Readonly<Record<(typeof givenPaths)[number], string>>;

/** Those that `toDocument` has written down. */
export function certificatePathsIn(document: MachineDocument): RecordedCertificatePaths {
  return asRecord(asRecord(document['HostOptions'])['AuthOptions']) as RecordedCertificatePaths;
}

/** What docker-machine's `--tls-ca-cert` and its like name. */
const givenPaths = ['CaCertPath', 'CaPrivateKeyPath', 'ClientCertPath', 'ClientKeyPath'] as const;

/**
 * Such files may lie outside of the store, where it is now and where it was: docker-machine needs
 * their paths as long as they are there.
 */
function outsidePaths(auth: Readonly<Record<string, unknown>>, store: string): MachineDocument {
  const { StorePath: folder } = auth;
  const stores = [store, ...(typeof folder === 'string' && folder !== '' ? [dirname(dirname(folder))] : [])];
  const isOutside = (path: unknown): boolean =>
    typeof path === 'string' &&
    isAbsolute(path) &&
    !stores.some((place) => path.startsWith(`${place}/`)) &&
    existsSync(path);
  return Object.fromEntries(
    givenPaths.map((name) => [name, auth[name]]).filter(([, path]) => isOutside(path)),
  );
}

/** Where docker-machine keeps them, and its scripts look. */
function certificatePaths(name: string, store: string): MachineDocument {
  const certs = join(store, 'certs');
  const folder = join(store, 'machines', name);
  return {
    CertDir: certs,
    CaCertPath: join(certs, 'ca.pem'),
    CaPrivateKeyPath: join(certs, 'ca-key.pem'),
    ClientCertPath: join(certs, 'cert.pem'),
    ClientKeyPath: join(certs, 'key.pem'),
    ServerCertPath: join(folder, 'server.pem'),
    ServerKeyPath: join(folder, 'server-key.pem'),
    StorePath: folder,
  };
}

/** Distinguishes a later format from a damaged file before its fields are checked. */
function requireVersions(document: unknown, path: string): void {
  const { ConfigVersion: config, Belt } = asRecord(document);
  const { Version: belt } = asRecord(Belt);
  if (typeof belt === 'number') requireVersion(path, belt, beltVersion);
  if (typeof config !== 'number') return;
  requireVersion(path, config, dockerMachineVersion, 'ConfigVersion');
}

function addressesOf({ Public, Private }: z.infer<typeof addresses>): Addresses {
  return {
    ...(Public !== undefined && { public: Public }),
    ...(Private !== undefined && { private: Private }),
  };
}

function jumpOf({ User, Host, Port }: z.infer<typeof jumpHost>): JumpHost {
  return { user: User, host: Host, port: Port };
}

/**
 * Paths are absolute in the file; when the folder was moved since, what lay in it is in the new
 * place.
 */
function rebase(
  path: string | null | undefined,
  from: string | null | undefined,
  to: string,
): string | undefined {
  if (!path) return undefined;
  return from && path.startsWith(`${from}/`) ? join(to, path.slice(from.length + 1)) : path;
}

function firstIssue(error: z.core.$ZodError<Shape>): string {
  const [issue] = error.issues;
  return issue
    ? `${issue.path.join('.') || 'its content'} is not what it must be (${issue.code})`
    : 'its content is odd';
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
