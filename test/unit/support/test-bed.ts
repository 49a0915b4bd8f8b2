import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Context, Settings } from '../../../src/app/context.js';
import { AbortError, UserError } from '../../../src/base/errors.js';
import { templatesIn } from '../../../src/base/templates.js';
import type { Group } from '../../../src/clusters/model/group.js';
import { builtInDrivers } from '../../../src/drivers/registry.js';
import { defaultEngineSettings } from '../../../src/engine/model/engine-settings.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { type KnownHosts, openKnownHosts } from '../../../src/ssh/index.js';
import {
  chooseCluster,
  isLinkedCluster,
  linkCluster,
  listClusters,
  removeCluster,
  useCluster,
} from '../../../src/state/cluster-index.js';
import { type ClusterStore, openClusterStore } from '../../../src/state/cluster-store.js';
import { openPlugins } from '../../../src/state/plugin-store.js';
import { abandonedManagers } from '../../../src/swarm/recovery/abandoned-managers.js';
import { rollingRestart } from '../../../src/swarm/rolling-restart.js';
import { SwarmUnlockKeys } from '../../../src/swarm/unlock-keys.js';
import { type Engine, Engines } from './engine.js';
import { LocalSsh } from './local-ssh.js';
import { MemoryDriver } from './memory-driver.js';
import { type RecordingReporter, recordingReporter } from './reporter.js';

/**
 * What operations run on, as real as possible in one process: only provider, network and screen are
 * in memory.
 */
export interface TestBed {
  context: Context;
  cluster: ClusterStore;
  /** The cluster's folder. */
  folder: string;
  knownHosts: KnownHosts;
  driver: MemoryDriver;
  /** Additional drivers by name. */
  drivers: Map<string, MemoryDriver>;
  engines: Engines;
  ssh: LocalSsh;
  reporter: RecordingReporter;
  /** Desired state, written to config.yml. */
  groups: Group[];
  /** Ctrl-C. */
  interrupt(): void;
  /** The same cluster as the next run of belt after an interruption sees it. */
  nextRun(): Promise<Context>;
  /** The current record on disk. */
  onDisk(name: string): Promise<Machine>;
  engine(name: string): Promise<Engine>;
  /** Records running machines with engines. */
  running(...names: string[]): Promise<Machine[]>;
  /** Every file in the cluster's folder, including claims. */
  files(): Promise<string[]>;
  claims(): Promise<string[]>;
  close(): Promise<void>;
}

export async function openTestBed(): Promise<TestBed> {
  const groups: Group[] = [];
  const root = await mkdtemp(join(tmpdir(), 'belt-unit-'));
  const folder = join(root, 'default');
  const cluster = await openClusterStore({ name: 'default', folder });
  const driver = new MemoryDriver();
  const drivers = new Map([['memory', driver]]);
  const engines = new Engines(root);
  const ssh = new LocalSsh(engines);
  const reporter = recordingReporter();
  let abort = new AbortController();
  const settings: Settings = {
    requireReadable: async () => {},
    driver: async (named = 'memory') => named,
    of: async () => ({}),
    engine: async () => defaultEngineSettings,
    dockerClient: async () => ({ place: 'auto' }),
    groups: async () => groups,
  };

  const contextOn = (store: ClusterStore): Context => {
    const knownHosts = openKnownHosts(store.knownHostsPath, {
      write: (path, content) => store.files.write(path, content),
      locked: (work) => store.lock(work),
    });
    const keys = new Map<string, string>();
    const bed: Context = {
      clusters: {
        names: () => listClusters(root),
        use: (name) => useCluster(root, name),
        link: (name, path) => linkCluster(root, name, path),
        isLink: (name) => isLinkedCluster(root, name),
        remove: (name) => removeCluster(root, name),
        open: (name, path) => openClusterStore({ name, folder: path }),
        context: async (name) =>
          contextOn(await openClusterStore(await chooseCluster({ root, cluster: name }, { mayBeNew: true }))),
      },
      settings,
      drivers: builtInDrivers,
      plugins: openPlugins({
        variables: { BELT_DATA_DIR: join(root, '.data') },
        cwd: root,
        home: root,
        platform: 'linux',
        isRoot: false,
      }),
      cluster: store,
      async driver(name) {
        const found = drivers.get(name);
        if (!found) throw new UserError(`unknown driver "${name}"`);
        return found;
      },
      ssh: async () => ssh,
      knownHosts: async () => knownHosts,
      templates: templatesIn(resolve('templates')),
      keyType: async () => 'ecdsa-p256',
      sudoPassword: async () => 'secret',
      async rollingRestart() {
        return rollingRestart(this);
      },
      async abandonedManagers() {
        return abandonedManagers(this);
      },
      async unlockKeys() {
        return new SwarmUnlockKeys(keys, this);
      },
      reporter,
      signal: abort.signal,
    };
    return bed;
  };
  const context = contextOn(cluster);
  const filesIn = async (path: string): Promise<string[]> => {
    const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };

  return {
    context,
    cluster,
    folder,
    knownHosts: await context.knownHosts(),
    driver,
    drivers,
    engines,
    ssh,
    reporter,
    groups,
    interrupt: () => abort.abort(new AbortError()),
    async nextRun() {
      abort = new AbortController();
      return contextOn(await openClusterStore({ name: 'default', folder }));
    },
    async onDisk(name) {
      return (await openClusterStore({ name: 'default', folder })).machine(name);
    },
    engine: (name) => engines.of(name),
    async running(...names) {
      const machines = names.map((name, index) => runningMachine(name, index, cluster));
      await cluster.saveAll(machines);
      for (const { name, id = '', addresses } of machines) {
        driver.machines.set(name, { id, state: 'running', address: addresses.public ?? '', size: '512mb' });
      }
      return machines;
    },
    files: () => filesIn(folder),
    claims: () => filesIn(join(folder, 'claims')),
    async close() {
      await engines.close();
      await rm(root, { recursive: true });
    },
  };
}

function runningMachine(name: string, index: number, { sshKeyPath }: ClusterStore): Machine {
  return {
    name,
    driver: 'memory',
    phase: 'ready',
    id: `id-${index + 1}`,
    size: '512mb',
    memory: 512,
    addresses: { public: `10.0.0.${index + 1}`, private: `192.168.0.${index + 1}` },
    ssh: { user: 'root', port: 22, keyPath: sshKeyPath },
    driverData: { rack: 7 },
    createdAt: '2026-01-02T03:04:05.000Z',
  };
}
