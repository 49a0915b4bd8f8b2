import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { rootShellCommand } from '../../../src/engine/root-shell.js';
import { ConnectionLost } from '../../../src/ssh/connection-types.js';
import {
  type CommandOptions,
  ConnectError,
  type Connection,
  type Ssh,
  type SshTarget,
  type StreamOptions,
} from '../../../src/ssh/index.js';
import { networkCommand } from '../../../src/swarm/model/machine-network.js';
import { findLiveRestoreCommand } from '../../../src/swarm/require-no-live-restore.js';
import type { Engines } from './engine.js';
import { System } from './system.js';

/**
 * Runs commands other than docker's on a machine: writes to the streams and returns the exit code.
 */
export type Command = (
  name: string,
  command: string,
  streams: Pick<StreamOptions, 'stdout' | 'stderr'>,
) => Promise<number>;

/**
 * SSH without a network: a machine is its name, and `docker system dial-stdio` connects to its
 * engine in this process. Operations and engines exchange real bytes over real streams.
 */
export class LocalSsh implements Ssh {
  /** Every command with its machine, as other users of the machine could see it. */
  readonly commands: string[] = [];
  /** Targets of all requested connections. */
  readonly targets: SshTarget[] = [];
  /** Machines that cannot be reached. */
  readonly refused = new Set<string>();
  /** Machines that never answer. */
  readonly silent = new Set<string>();
  /** The problem reported for a machine before it becomes reachable. */
  readonly obstacles = new Map<string, string>();
  /** How often a machine's connection is lost while it is provisioned. */
  readonly losses = new Map<string, number>();
  /** `docker system dial-stdio` exits like this instead of connecting to the engine. */
  readonly brokenDocker = new Map<string, { code: number; stderr: string }>();
  command: Command = async () => 0;
  journal: () => Promise<string> = async () => '';
  /** The output of `ip` about addresses and routes. */
  readonly networks = new Map<string, string>();
  /** The output of templates/swarm/reach.sh, given the script. */
  reach: (name: string, script: string) => string = () => '';
  private readonly systems = new Map<string, System>();
  /** Open channels to engines. */
  channels = 0;

  constructor(private readonly engines: Engines) {}

  async connect(target: SshTarget, { signal }: { signal?: AbortSignal } = {}): Promise<Connection> {
    signal?.throwIfAborted();
    this.targets.push(target);
    if (this.silent.has(target.name)) return new Promise(() => {});
    if (this.refused.has(target.name) || !this.engines.isUp(target.name))
      throw new ConnectError(target, 'refused', `refused by ${target.host} port ${target.port}`);
    return this.connection(target);
  }

  async waitFor(target: SshTarget, options: Parameters<Ssh['waitFor']>[1]): Promise<Connection> {
    const obstacle = this.obstacles.get(target.name);
    if (obstacle !== undefined) options.onProblem?.(obstacle);
    return this.connect(target, options);
  }

  closeAll(): void {}

  /** The machine's operating system. */
  system(name: string): System {
    const system = this.systems.get(name) ?? new System(name);
    this.systems.set(name, system);
    return system;
  }

  private connection(target: SshTarget): Connection {
    const { name } = target;
    return {
      target,
      run: async (command, options) => {
        this.commands.push(`${name}: ${command}`);
        if (command === rootShellCommand)
          return { code: 0, stdout: this.system(name).facts(options?.stdin), stderr: '' };
        return { code: 0, stdout: await this.answer(name, command, options), stderr: '' };
      },
      stream: async (command, streams) => {
        this.commands.push(`${name}: ${command}`);
        if (command === '/bin/sh -s') return this.provision(name, streams);
        if (command.startsWith('echo belt-')) {
          streams.stdout.write(command.slice('echo '.length));
          return 0;
        }
        if (command !== 'exec docker system dial-stdio') return this.command(name, command, streams);
        const broken = this.brokenDocker.get(name);
        if (!broken) return this.dial(name, streams);
        streams.stderr.write(broken.stderr);
        return broken.code;
      },
      write: async () => {
        throw new Error('nothing is written over this connection');
      },
      close() {},
    };
  }

  private async answer(name: string, command: string, options?: CommandOptions): Promise<string> {
    if (command === findLiveRestoreCommand) return '/etc/docker/daemon.json\n';
    if (command === networkCommand) return this.networks.get(name) ?? '';
    if (command === '/bin/sh -s') return this.reach(name, String(options?.stdin));
    return this.journal();
  }

  /** The script waits for the restarted engine; a broken one would exceed the test's timeout. */
  private async provision(name: string, { stdin, stdout, signal }: StreamOptions): Promise<number> {
    const script = stdin ? await text(stdin) : '';
    const losses = this.losses.get(name) ?? 0;
    this.losses.set(name, losses - 1);
    if (losses > 0) throw new ConnectionLost(`${name}: the connection was lost`);
    if (signal && this.brokenDocker.has(name)) {
      if (!signal.aborted) await once(signal, 'abort');
      signal.throwIfAborted();
    }
    stdout.write(this.system(name).apply(script));
    return 0;
  }

  /**
   * Copies until either side ends, as `docker system dial-stdio` does. Leaves `stdout` open, as a
   * real connection does.
   */
  private async dial(name: string, { stdin, stdout }: StreamOptions): Promise<number> {
    const { path } = await this.engines.of(name);
    this.channels++;
    const socket = connect(path);
    stdin?.once('close', () => socket.end());
    stdin?.pipe(socket);
    socket.on('data', (chunk) => void stdout.write(chunk));
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    this.channels--;
    return 0;
  }
}
