import { dirname, join } from 'node:path';

/**
 * Upgrades docker-machine's config.json of versions 0 to 3 by the rules of its own migrations.
 *
 * - 0 (0.1): certificate paths and swarm settings at the top level.
 * - 1 (0.2): in `HostOptions.AuthOptions`, with the CA key as `PrivateKeyPath`.
 * - 2 (0.3, 0.4): like 3, but the driver has no store path.
 */
export function upgradeDocument(document: Fields, { store, name }: { store: string; name: string }): Fields {
  if (document['Belt'] !== undefined || !isFields(document['Driver'])) return document;
  const version = Number(document['ConfigVersion'] ?? 0);
  const folder = join(store, 'machines', name);
  const driver = document['Driver'];
  const driverName = typeof document['DriverName'] === 'string' ? document['DriverName'] : '';
  return {
    ...(version === 0 ? without(document, topFieldsOfVersion0) : document),
    ConfigVersion: Math.max(version, 3),
    Driver: {
      ...driver,
      ...(driverName === 'none' && { IPAddress: hostOf(driver['IPAddress']) }),
      SSHUser: driver['SSHUser'] || defaultUsers[driverName] || 'root',
      SSHKeyPath: keyPath(driver, driverName, folder),
      // Earlier versions had the machine's folder here.
      StorePath: version < 3 ? store : (driver['StorePath'] ?? store),
    },
    ...(version < 3 && { HostOptions: hostOptions(document, folder) }),
  };
}

/** docker-machine writes these into every document; scripts and templates expect them. */
export const unusedDefaults = {
  swarm: {
    IsSwarm: false,
    Address: '',
    Discovery: '',
    Agent: false,
    Master: false,
    Host: 'tcp://0.0.0.0:3376',
    Image: 'swarm:latest',
    Strategy: 'spread',
    Heartbeat: 0,
    Overcommit: 0,
    ArbitraryFlags: [],
    ArbitraryJoinFlags: [],
    Env: null,
    IsExperimental: false,
  },
  engine: { Dns: null, GraphDir: '', Ipv6: false, LogLevel: '', SelinuxEnabled: false },
  auth: { CaCertRemotePath: '', ServerCertRemotePath: '', ServerKeyRemotePath: '' },
};

type Fields = Readonly<Record<string, unknown>>;

/** Drivers whose machines do not log in as root. */
const defaultUsers: Readonly<Record<string, string>> = {
  virtualbox: 'docker',
  vmwarefusion: 'docker',
  vmwarevsphere: 'docker',
  hyperv: 'docker',
  amazonec2: 'ubuntu',
};

/** Adopting drivers leave an omitted key path to ssh. */
const adoptingDrivers = ['generic', 'none'];

/** An empty path means `id_rsa` in the machine's folder; the folder may have been moved. */
function keyPath(driver: Fields, driverName: string, folder: string): unknown {
  const path = driver['SSHKeyPath'] || '';
  if (typeof path !== 'string') return path;
  if (path === '') {
    const byFingerprint = driverName === 'digitalocean' && driver['SSHKeyFingerprint'];
    return adoptingDrivers.includes(driverName) || byFingerprint ? '' : join(folder, 'id_rsa');
  }
  const tail = `/machines/${folder.split('/').at(-1)}/`;
  const slashed = withSlashes(path);
  const at = slashed.lastIndexOf(tail);
  return at === -1 ? path : join(folder, slashed.slice(at + tail.length));
}

/** A path of Windows, as docker-machine recorded it there. */
export function withSlashes(path: string): string {
  return /^([A-Za-z]:|\\\\)/.test(path) ? path.replaceAll('\\', '/') : path;
}

const topFieldsOfVersion0 = [
  'StorePath',
  'CaCertPath',
  'PrivateKeyPath',
  'ServerCertPath',
  'ServerKeyPath',
  'ClientCertPath',
  'ClientKeyPath',
  'SwarmHost',
  'SwarmMaster',
  'SwarmDiscovery',
];

/** Engines of versions 0 to 2 always used TLS. */
function hostOptions(document: Fields, folder: string): Fields {
  const options = fieldsOf(document['HostOptions']);
  const { PrivateKeyPath, ...auth } = fieldsOf(options['AuthOptions']);
  const paths = {
    CaCertPath: auth['CaCertPath'] ?? document['CaCertPath'] ?? '',
    CaPrivateKeyPath: auth['CaPrivateKeyPath'] ?? PrivateKeyPath ?? document['PrivateKeyPath'] ?? '',
    ServerCertPath: auth['ServerCertPath'] ?? document['ServerCertPath'] ?? '',
    ServerKeyPath: auth['ServerKeyPath'] ?? document['ServerKeyPath'] ?? '',
    ClientCertPath: auth['ClientCertPath'] ?? document['ClientCertPath'] ?? '',
    ClientKeyPath: auth['ClientKeyPath'] ?? document['ClientKeyPath'] ?? '',
  };
  const swarm = {
    Master: document['SwarmMaster'] ?? false,
    Host: document['SwarmHost'] ?? '',
    Discovery: document['SwarmDiscovery'] ?? '',
  };
  return {
    Driver: '',
    Memory: 0,
    Disk: 0,
    ...options,
    EngineOptions: { TlsVerify: true, ...fieldsOf(options['EngineOptions']) },
    SwarmOptions: { ...swarm, ...fieldsOf(options['SwarmOptions']) },
    AuthOptions: {
      CertDir: dirname(String(paths.CaCertPath)),
      StorePath: document['StorePath'] ?? folder,
      ...auth,
      ...paths,
    },
  };
}

/** docker-machine recorded the URL's host with its port. */
function hostOf(address: unknown): string {
  const text = typeof address === 'string' ? address : '';
  const [, host = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(text) ?? [undefined, text];
  return host.replace(/^\[(.*)\]$/, '$1');
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
