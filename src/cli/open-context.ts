import { join, resolve } from 'node:path';
import { openClusterStore } from '../config/cluster-store.js';
import { chooseCluster, linkCluster, listClusters, useCluster } from '../config/clusters.js';
import { type Environment, readEnvironment } from '../config/environment.js';
import { locateState } from '../config/locate.js';
import {
  describeSettings,
  requireKnownSections,
  resolveDriver,
  resolveDriverSettings,
  resolveGeneral,
  type SettingSources,
  valuesOf,
} from '../config/settings.js';
import { readSettingsFiles, type SettingsFile } from '../config/settings-file.js';
import type { Driver, Person, Setting } from '../drivers/driver.js';
import { driverNames, loadDriver } from '../drivers/registry.js';
import { keyTypeOf } from '../operations/certs/key-type.js';
import type { Context } from '../operations/context.js';
import type { Reporter } from '../operations/reporter.js';
import type { KnownHosts, Ssh } from '../ssh/index.js';
import { templatesIn } from '../templates.js';
import { createReporter } from '../ui/progress.js';
import { settingsGiven } from './given-settings.js';
import { interruptSignal } from './signals.js';

export interface OpenContext {
  context: Context;
  environment: Environment;
  /** Which driver makes machines where the command line names none. */
  defaultDriver(named: string | undefined): Promise<string>;
  close(): Promise<void>;
}

interface GlobalFlags {
  cluster?: string | undefined;
  'storage-path'?: string | undefined;
  debug?: boolean | undefined;
  'dry-run'?: boolean | undefined;
}

/**
 * Makes what every operation works with, from flags, environment and files. Drivers, SSH and settings files are loaded when a
 * command first asks for them.
 * @param root the folder of belt's own package.json
 */
export async function openContext(root: string, flags: GlobalFlags): Promise<OpenContext> {
  const environment = readEnvironment();
  const storagePath = flags['storage-path'];
  const location = await locateState(environment, storagePath === undefined ? {} : { storagePath });
  const { name, folder } = await chooseCluster(location, flags.cluster);
  const owner = environment.sudo;
  const cluster = await openClusterStore({ name, folder, ...(owner && { owner }) });
  const reporter = reporterFor(environment);
  const signal = interruptSignal();

  const settingsFiles = once(() => readCheckedFiles([cluster.settingsPath, ...location.settingsFiles]));
  const sources = async (driver?: string, settings: readonly Setting[] = []): Promise<SettingSources> => ({
    flags: driver === undefined ? {} : settingsGiven(driver, settings, { ...flags }),
    variables: environment.variables,
    files: await settingsFiles(),
  });

  const templates = templatesIn(join(root, 'templates'));
  const drivers = new Map<string, Promise<Driver>>();
  const openDriver = async (driverName: string): Promise<Driver> => {
    const driver = await loadDriver(driverName);
    const settings = resolveDriverSettings(
      driverName,
      driver.settings,
      await sources(driverName, driver.settings),
    );
    if (flags.debug) for (const line of describeSettings(settings)) reporter.note(`${driverName}: ${line}`);
    // The first claim of a new cluster fixes its id, after drivers have been opened.
    const identity = {
      name,
      get id(): string {
        return cluster.id;
      },
    };
    const person = personAt(environment);
    return driver.open({ settings: valuesOf(settings), cluster: identity, templates, person });
  };

  const knownHosts = once(async (): Promise<KnownHosts> => {
    const { openKnownHosts } = await import('../ssh/known-hosts.js');
    return openKnownHosts(cluster.knownHostsPath, {
      // A dry run writes nothing down, not even the host keys that it sees.
      write: flags['dry-run'] ? async () => {} : (path, content) => cluster.files.write(path, content),
      locked: (work) => (flags['dry-run'] ? work() : cluster.lock(work)),
    });
  });
  const ssh = once(async (): Promise<Ssh> => {
    const [{ openSsh }, hosts] = await Promise.all([import('../ssh/index.js'), knownHosts()]);
    return openSsh({ knownHosts: hosts, ...personAt(environment) });
  });

  return {
    environment,
    context: {
      clusters: {
        names: () => listClusters(location.root),
        use: (cluster) => useCluster(location.root, cluster, owner),
        link: (cluster, path) => linkCluster(location.root, cluster, path, owner),
        open: (cluster, path) => openClusterStore({ name: cluster, folder: path, ...(owner && { owner }) }),
      },
      cluster,
      driver(driverName) {
        const opened = drivers.get(driverName) ?? openDriver(driverName);
        drivers.set(driverName, opened);
        return opened;
      },
      ssh,
      knownHosts,
      templates,
      keyType: async () => keyTypeOf(resolveGeneral('key_type', await sources())),
      sudoPassword: once(() => askSudoPassword(signal)),
      reporter,
      signal,
    },
    async defaultDriver(named) {
      const { value } = resolveDriver(environment.platform, {
        ...(await sources()),
        flags: { driver: named },
      });
      return value;
    },
    async close() {
      if (ssh.called) (await ssh()).closeAll();
    },
  };
}

async function askSudoPassword(signal: AbortSignal): Promise<string> {
  const { askSecret } = await import('../ui/prompt.js');
  return askSecret('Password for sudo on the machines (it is not shown):', {
    input: process.stdin,
    output: process.stderr,
    signal,
  });
}

async function readCheckedFiles(paths: readonly string[]): Promise<SettingsFile[]> {
  const files = await readSettingsFiles(paths);
  requireKnownSections(files, driverNames);
  return files;
}

function reporterFor({ variables }: Environment): Reporter {
  const { stderr, stdout } = process;
  const terminal = stderr.isTTY && variables['TERM'] !== 'dumb';
  const color = terminal && !variables['NO_COLOR'];
  return createReporter({
    stream: stderr,
    mode: terminal ? 'terminal' : 'plain',
    color,
    sharing: [stdout, stderr],
  });
}

/** With the keys that OpenSSH tries by itself, for machines that belt did not make. */
function personAt({ cwd, home, sshAgentSocket }: Environment): Person {
  return {
    resolvePath: (path, folder = cwd) =>
      path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : resolve(cwd, folder, path),
    defaultKeyPaths: ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((file) => join(home, '.ssh', file)),
    ...(sshAgentSocket !== undefined && { agentSocket: sshAgentSocket }),
  };
}

function once<T>(make: () => Promise<T>): (() => Promise<T>) & { called: boolean } {
  let made: Promise<T> | undefined;
  const get = (): Promise<T> => {
    get.called = true;
    made ??= make();
    return made;
  };
  get.called = false;
  return get;
}
