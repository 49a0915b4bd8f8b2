import type { Context } from '../../app/context.js';
import { exists } from '../../base/files.js';
import { mapLimited } from '../../base/map-limit.js';
import { quoteArgs } from '../../base/quote-args.js';
import { withSelectedCluster } from '../../base/selected-cluster.js';
import { openClientRoute } from '../../engine/client-route.js';
import { clientVariables } from '../../engine/model/client-variables.js';
import {
  needsManager,
  possiblePaths,
  usesFiles,
  withoutGlobalFlags,
} from '../../engine/model/docker-files.js';
import { runDocker, withOwnAddress } from '../../engine/remote-docker.js';
import type { Machine } from '../../machines/model/machine.js';
import type { StreamOptions } from '../../ssh/connection-types.js';
import { type ClientChoice, chooseDockerClient, dockerClient } from '../docker-client.js';
import { exitCodes } from '../exit-codes.js';
import { runCaptured, runProgram } from '../run-program.js';
import { hostMachines } from './host-machines.js';
import type { Passthrough } from './passthrough.js';
import { runOnMachines } from './run-on-machines.js';

/** Runs docker for the active machine, or for those of --host. @returns docker's exit code */
export async function docker(passthrough: Passthrough): Promise<number> {
  const { flags, opened } = passthrough;
  return runFor(await hostMachines(flags.host, opened.context), passthrough);
}

/** `docker compose`. */
export function compose({ tail, ...passthrough }: Passthrough): Promise<number> {
  return docker({ ...passthrough, tail: ['compose', ...tail] });
}

/** `docker stack` on a manager, whichever machine is active. */
export function stack({ tail, flags, opened }: Passthrough): Promise<number> {
  const host = flags.host.length > 0 ? flags.host : ['manager'];
  return docker({ tail: ['stack', ...tail], flags: { ...flags, host }, opened });
}

async function runFor(machines: readonly Machine[], passthrough: Passthrough): Promise<number> {
  const { flags, tail, opened } = passthrough;
  const { context, environment } = opened;
  const client = await chooseDockerClient(await context.settings.dockerClient(), environment);
  const debug = (text: string): void => {
    if (flags.debug) context.reporter.note(`docker client: ${text}`);
  };
  // For several machines, a program for each costs more than a channel.
  const isLocal = client.isForced || machines.length === 1 || usesFiles(tail);
  const { program } = isLocal ? client : {};
  if (program === undefined) {
    debug(`the machine's own, because ${client.program ? 'there are several' : client.reason}`);
    const code = await runOnMachines(
      machines,
      { run: (machine, streams) => runDocker(tail, machine, streams, context) },
      opened,
    );
    if (code !== exitCodes.ok) await hintAtFiles(tail, client, context);
    return hintAtManager(code, machines, passthrough);
  }
  const run = async (machine: Machine, streams?: StreamOptions): Promise<number> => {
    await using route = await openClientRoute(machine, context);
    debug(`${program} (${client.reason}), over ${route.reason}`);
    const call = { program, args: withOwnAddress(tail, machine) };
    const env = clientVariables(environment.variables, route);
    return await (streams ? runCaptured(call, env, streams) : runProgram(call, env));
  };
  const [machine, ...more] = machines;
  const code =
    machine && more.length === 0 ? await run(machine) : await runOnMachines(machines, { run }, opened);
  if (code !== exitCodes.ok) await hintAtPlugin(tail, program, context);
  return hintAtManager(code, machines, passthrough);
}

/** The remote docker does not find files of this computer. */
async function hintAtFiles(tail: readonly string[], client: ClientChoice, context: Context): Promise<void> {
  if (!usesFiles(tail)) return;
  const paths = possiblePaths(tail);
  const found = await mapLimited(paths, 8, exists);
  const path = paths.find((_, index) => found[index]);
  const what = path === undefined ? 'it may need files of this computer' : `"${path}" is on this computer`;
  const hint = client.isForced ? 'docker_client: auto' : 'install a docker client here (Debian: docker-cli)';
  context.reporter.note(`docker ran on the machine, but ${what}. Try: ${hint}`);
}

/** docker's own message does not say which package the command is in. */
async function hintAtPlugin(tail: readonly string[], program: string, context: Context): Promise<void> {
  const [name = ''] = withoutGlobalFlags(tail);
  const found = plugins.has(name) ? await dockerClient([name, 'version'], program) : undefined;
  if (found && found.code !== 0) {
    context.reporter.note(
      `docker ${name} is not installed on this computer. Try: install its package, or use the machine's: BELT_DOCKER_CLIENT=remote belt docker ${name}`,
    );
  }
}

const plugins: ReadonlySet<string> = new Set(['compose', 'buildx']);

/** After a failure on a worker, names a manager and the command. @returns the exit code */
async function hintAtManager(
  code: number,
  machines: readonly Machine[],
  { tail, opened: { context } }: Passthrough,
): Promise<number> {
  const [machine, ...more] = machines;
  if (code === exitCodes.ok || !machine || more.length > 0 || !needsManager(tail)) return code;
  const { managerOfWorker } = await import('../../swarm/any-manager.js');
  const manager = await managerOfWorker(machine, context);
  if (manager) {
    const command = `belt --host ${manager.name} docker ${quoteArgs(tail)}`;
    context.reporter.note(withSelectedCluster(`${machine.name} is a worker. Try: ${command}`));
  }
  return code;
}
