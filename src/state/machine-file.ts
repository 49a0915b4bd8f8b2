import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import * as z from 'zod/mini';
import { damagedFileError, requireVersion } from '../base/files.js';
import { type Addresses, type Machine, reachAddress } from '../machines/model/machine.js';
import { unusedDefaults, upgradeDocument, withSlashes } from './docker-machine-document.js';
import {
  beltEngine,
  beltEngineShape,
  dockerMachineEngineOf,
  engineOf,
  engineOptions,
  hostOptionsShape,
} from './engine-document.js';
import { jumpDocument, jumpHostShape, jumpOf, loginOptionsDocument, loginOptionsOf } from './ssh-document.js';

/** docker-machine's config.json (version 3), readable for its scripts, with a section `Belt`. */
export type MachineDocument = Readonly<Record<string, unknown>>;

interface MachineLocation {
  /** The cluster's folder, docker-machine's store path. */
  store: string;
  /** The machine's folder and name, whatever the document says (as in docker-machine). */
  name: string;
}

const dockerMachineVersion = 3;
const beltVersion = 1;

const text = z.optional(z.nullable(z.string()));
const addresses = z.object({ Public: z.optional(z.string()), Private: z.optional(z.string()) });

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
      CertificatePath: z.optional(z.string()),
      AgentSocket: z.optional(z.string()),
      ProxyCommand: z.optional(z.string()),
      JumpHost: z.optional(jumpHostShape),
      Engine: z.optional(beltEngineShape),
      CreatedAt: z.string(),
    }),
  ),
});
type Shape = z.infer<typeof documentShape>;

/** The fields of docker-machine's BaseDriver; all others are the driver's own. */
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

/** docker-machine's own records count as ready. @throws UserError for an invalid or newer format */
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
      ...(belt && loginOptionsOf(belt)),
      ...(belt?.JumpHost && { jump: jumpOf(belt.JumpHost, (path) => rebase(path, driver.StorePath, store)) }),
    },
    ...(engine && { engine }),
    driverData: Object.fromEntries(Object.entries(driver).filter(([key]) => !sharedDriverFields.has(key))),
    createdAt: belt?.CreatedAt ?? createdAt,
  };
}

/** Keeps what `previous`, the document on disk, has beyond belt's fields. */
export function toDocument(
  machine: Machine,
  { store }: Pick<MachineLocation, 'store'>,
  previous: unknown = {},
): MachineDocument {
  const current = upgradeDocument(asRecord(previous), { store, name: machine.name });
  const hostOptions = asRecord(current['HostOptions']);
  const auth = asRecord(hostOptions['AuthOptions']);
  const forwarded = isForwarded(current);
  return {
    ...current,
    ConfigVersion: dockerMachineVersion,
    Name: machine.name,
    DriverName: machine.driver,
    Driver: {
      ...driverSection(machine, store, asRecord(current['Driver'])),
      ...(forwarded && { SSHPort: asRecord(current['Driver'])['SSHPort'] }),
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
      ...asRecord(current['Belt']),
      ...beltSection(machine),
      ...(forwarded && { SSHPort: machine.ssh.port }),
    },
  };
}

/**
 * Whether `Driver.SSHPort` is forwarded by VirtualBox; `Belt.SSHPort` is then the machine's own.
 */
function isForwarded({ DriverName: driver, Belt: belt }: Readonly<Record<string, unknown>>): boolean {
  return driver === 'virtualbox' && (belt === undefined || asRecord(belt)['SSHPort'] !== undefined);
}

function driverSection(
  machine: Machine,
  store: string,
  current: Readonly<Record<string, unknown>>,
): MachineDocument {
  const shared = Object.fromEntries(Object.entries(current).filter(([key]) => sharedDriverFields.has(key)));
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
  return {
    Version: beltVersion,
    Phase: machine.phase,
    Id: machine.id,
    Size: machine.size,
    Memory: machine.memory,
    Resizing: machine.resizing,
    Addresses: { Public: publicAddress, Private: privateAddress },
    ...loginOptionsDocument(machine.ssh),
    JumpHost: machine.ssh.jump && jumpDocument(machine.ssh.jump),
    Engine: machine.engine && beltEngine(machine.engine),
    CreatedAt: machine.createdAt,
  };
}

/** docker-machine's certificate paths; absolute. */
type RecordedCertificatePaths = Readonly<Record<(typeof tlsFlagPaths)[number], string>>;

/** As written by `toDocument`. */
export function certificatePathsIn(document: MachineDocument): RecordedCertificatePaths {
  return asRecord(asRecord(document['HostOptions'])['AuthOptions']) as RecordedCertificatePaths;
}

/** The paths of docker-machine's `--tls-ca-cert` and similar flags. */
const tlsFlagPaths = ['CaCertPath', 'CaPrivateKeyPath', 'ClientCertPath', 'ClientKeyPath'] as const;

/** Existing files outside the store's current and former folder: docker-machine needs them. */
function outsidePaths(auth: Readonly<Record<string, unknown>>, store: string): MachineDocument {
  const { StorePath: folder } = auth;
  const stores = [store, ...(typeof folder === 'string' && folder !== '' ? [dirname(dirname(folder))] : [])];
  const isOutside = (path: unknown): boolean =>
    typeof path === 'string' &&
    isAbsolute(path) &&
    !stores.some((place) => path.startsWith(`${place}/`)) &&
    existsSync(path);
  return Object.fromEntries(
    tlsFlagPaths.map((name) => [name, auth[name]]).filter(([, path]) => isOutside(path)),
  );
}

/** docker-machine's defaults, which its scripts read. */
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

/** Distinguishes a newer format from a damaged file before its fields are checked. */
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

/** Recorded paths are absolute; this moves them along with the folder. */
function rebase(
  path: string | null | undefined,
  from: string | null | undefined,
  to: string,
): string | undefined {
  if (!path) return undefined;
  const [place, folder] = [withSlashes(path), withSlashes(from ?? '')];
  return folder !== '' && place.startsWith(`${folder}/`) ? join(to, place.slice(folder.length + 1)) : path;
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
