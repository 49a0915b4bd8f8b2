import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Clusters, Context } from '../app/context.js';
import type { Reporter } from '../app/reporter.js';
import { UsageError } from '../base/errors.js';
import { selectCluster } from '../base/selected-cluster.js';
import { type Templates, templatesIn } from '../base/templates.js';
import type { GroupSettings } from '../clusters/model/group.js';
import type { Driver, LocalUser } from '../drivers/driver.js';
import type { Drivers } from '../drivers/registry.js';
import type { KnownHosts, Ssh } from '../ssh/index.js';
import {
  type ClusterPlace,
  chooseCluster,
  isLinkedCluster,
  linkCluster,
  listClusters,
  removeCluster,
  useCluster,
} from '../state/cluster-index.js';
import { openClusterStore } from '../state/cluster-store.js';
import { type Environment, findProgram, hasColors, readEnvironment } from '../state/environment.js';
import { locateState, type StateLocation } from '../state/locate-state.js';
import { openPlugins, type PluginStore } from '../state/plugin-store.js';
import { describeSettings, valuesOf } from '../state/settings.js';
import { createReporter } from '../ui/create-reporter.js';
import { ClusterSettings } from './cluster-settings.js';
import { interruptSignal } from './interrupt-signals.js';
import { once } from './lazy.js';
import { driversOf } from './open-drivers.js';

export interface OpenContext {
  context: Context;
  environment: Environment;
  close(): Promise<void>;
}

interface GlobalFlags {
  cluster?: string | undefined;
  'storage-path'?: string | undefined;
  debug?: boolean | undefined;
  'dry-run'?: boolean | undefined;
  quiet?: boolean | undefined;
  progress?: string | undefined;
  timestamps?: boolean | undefined;
}

/**
 * Drivers, SSH and settings files are loaded on first use. @param root of the belt package
 * @throws UserError for an unknown cluster, unless it `mayBeNew`
 */
export async function openContext(
  root: string,
  flags: GlobalFlags,
  rules: { mayBeNew?: boolean } = {},
): Promise<OpenContext> {
  selectCluster(flags);
  const environment = readEnvironment();
  const location = await locateState(environment, flags);
  const plugins = openPlugins(environment);
  const drivers = await driversOf(plugins);
  const factory = new ContextFactory(environment, location, flags, root, plugins, drivers);
  const context = await factory.make(await chooseCluster(location, rules));
  return { environment, context, close: () => factory.close() };
}

/** One run of belt: its contexts share the terminal, the environment and the abort signal. */
class ContextFactory {
  private readonly reporter: Reporter;
  private readonly signal = interruptSignal();
  private readonly templates: Templates;
  private readonly user: LocalUser;
  private readonly sudoPassword = once(() => askSudoPassword(this.signal));
  private readonly connections: { ssh: Promise<Ssh> }[] = [];

  constructor(
    private readonly environment: Environment,
    private readonly location: StateLocation,
    private readonly flags: GlobalFlags,
    root: string,
    private readonly plugins: PluginStore,
    private readonly drivers: Drivers,
  ) {
    this.reporter = reporterFor(environment, this.flags, this.signal);
    this.templates = templatesIn(join(root, 'templates'));
    this.user = localUserFrom(environment, (text) => {
      if (flags.debug) this.reporter.note(text);
    });
  }

  async make(place: ClusterPlace): Promise<Context> {
    const { reporter, signal, templates, sudoPassword, flags, plugins } = this;
    const cluster = await openClusterStore({ ...place, ...this.owner });
    const places = { config: cluster.settingsPath, others: this.location.settingsFiles };
    const settings = new ClusterSettings(places, { ...flags }, this.environment, this.drivers);
    const opened = new Map<string, Promise<Driver>>();
    const knownHosts = once(async (): Promise<KnownHosts> => {
      const { openKnownHosts } = await import('../ssh/known-hosts.js');
      return openKnownHosts(cluster.knownHostsPath, {
        // A dry run records nothing, not even host keys.
        write: flags['dry-run'] ? async () => {} : (path, content) => cluster.files.write(path, content),
        locked: (work) => (flags['dry-run'] ? work() : cluster.lock(work)),
      });
    });
    const keys = new Map<string, string>();
    const context: Context = {
      clusters: this.clusters(),
      cluster,
      settings,
      drivers: this.drivers,
      plugins,
      driver: (name, group = {}) => {
        const key = JSON.stringify([name, group]);
        const driver = opened.get(key) ?? this.openDriver(name, group, context);
        opened.set(key, driver);
        return driver;
      },
      ssh: once(() => this.openSsh(knownHosts)),
      knownHosts,
      templates,
      keyType: () => settings.keyType(),
      sudoPassword,
      // Not `context`: a stage works on a copy with its own reporter.
      async rollingRestart() {
        const { rollingRestart } = await import('../swarm/rolling-restart.js');
        return rollingRestart(this);
      },
      async abandonedManagers() {
        const { abandonedManagers } = await import('../swarm/recovery/abandoned-managers.js');
        return abandonedManagers(this);
      },
      async unlockKeys() {
        const { SwarmUnlockKeys } = await import('../swarm/unlock-keys.js');
        return new SwarmUnlockKeys(keys, this);
      },
      reporter,
      signal,
    };
    return context;
  }

  async close(): Promise<void> {
    for (const { ssh } of this.connections) (await ssh).closeAll();
  }

  private get owner(): { owner?: NonNullable<Environment['sudo']> } {
    return this.environment.sudo ? { owner: this.environment.sudo } : {};
  }

  private clusters(): Clusters {
    const { root } = this.location;
    const { owner } = this.owner;
    return {
      names: () => listClusters(root),
      use: async (name) => {
        await useCluster(root, name, owner);
        const variable = ['BELT_CLUSTER', 'MACHINE_STORAGE_PATH'].find((v) => this.environment.variables[v]);
        if (variable !== undefined) this.reporter.warn(precedenceWarning(variable, name));
      },
      link: (name, path) => linkCluster(root, name, path, owner),
      isLink: (name) => isLinkedCluster(root, name),
      remove: (name) => removeCluster(root, name, owner),
      open: (name, folder) => openClusterStore({ name, folder, ...this.owner }),
      context: async (name) => this.make(await chooseCluster({ root, cluster: name }, { mayBeNew: true })),
    };
  }

  private async openDriver(
    name: string,
    group: GroupSettings,
    { cluster, settings }: Context,
  ): Promise<Driver> {
    const { templates, user, reporter } = this;
    const driver = await this.drivers.load(name);
    const resolved = await settings.of(name, group);
    if (this.flags.debug) for (const line of describeSettings(resolved)) reporter.note(`${name}: ${line}`);
    // The first claim of a new cluster sets its ID, after drivers were opened.
    const identity = {
      name: cluster.name,
      get id(): string {
        return cluster.id;
      },
    };
    return driver.open({ settings: valuesOf(resolved), cluster: identity, templates, user });
  }

  private openSsh(knownHosts: () => Promise<KnownHosts>): Promise<Ssh> {
    const open = async (): Promise<Ssh> => {
      const [{ openSsh }, hosts] = await Promise.all([import('../ssh/index.js'), knownHosts()]);
      return openSsh({ knownHosts: hosts, ...this.user });
    };
    const ssh = open();
    this.connections.push({ ssh });
    return ssh;
  }
}

async function askSudoPassword(signal: AbortSignal): Promise<string> {
  const { askSecret } = await import('../ui/prompt.js');
  return askSecret('Password for sudo on the machines (it is not shown):', {
    input: process.stdin,
    output: process.stderr,
    signal,
  });
}

/** @throws UsageError for an unknown mode of progress */
function reporterFor(
  { variables }: Environment,
  { quiet, progress = 'auto', timestamps = false }: GlobalFlags,
  signal: AbortSignal,
): Reporter {
  const { stderr, stdout } = process;
  if (!['auto', 'plain'].includes(progress.toLowerCase()))
    throw new UsageError(`unknown progress mode "${progress}": use auto or plain`);
  const isAuto = progress.toLowerCase() === 'auto' && !timestamps;
  const terminal = isAuto && stderr.isTTY && variables['TERM'] !== 'dumb';
  return createReporter({
    stream: stderr,
    mode: quiet ? 'quiet' : terminal ? 'terminal' : 'plain',
    timestamps,
    color: hasColors(stderr, variables),
    sharing: [stdout, stderr],
    signal,
  });
}

function precedenceWarning(variable: string, name: string): string {
  return `${variable} is set and takes precedence over the cluster in use: unset it to use "${name}"`;
}

/** OpenSSH's default keys are for machines that belt did not create. */
function localUserFrom(environment: Environment, onResolved: (text: string) => void): LocalUser {
  const { cwd, home, sshAgentSocket } = environment;
  const program = once(() => findProgram('ssh', environment));
  return {
    resolvePath: (path, folder = cwd) =>
      path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : resolve(cwd, folder, path),
    defaultKeyPaths: ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((file) => join(home, '.ssh', file)),
    ...(sshAgentSocket !== undefined && { agentSocket: sshAgentSocket }),
    async sshHost(written) {
      const { resolveSshHost } = await import('../ssh/user-config.js');
      return resolveSshHost(written, {
        home,
        program: await program(),
        temporaryFolder: tmpdir(),
        onResolved,
      });
    },
  };
}
