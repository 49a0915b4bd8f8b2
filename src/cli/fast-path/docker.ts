import { exists } from '../../base/files.js';
import { selectCluster } from '../../base/selected-cluster.js';
import { expiryWarning } from '../../certs/expiry-warning.js';
import { pingEngine, portEndpoint } from '../../engine/engine-port.js';
import { clientVariables } from '../../engine/model/client-variables.js';
import { chooseCluster } from '../../state/cluster-index.js';
import { openClusterStore } from '../../state/cluster-store.js';
import { type Environment, readEnvironment } from '../../state/environment.js';
import { locateState } from '../../state/locate-state.js';
import type { OwnFlags } from '../command-line.js';
import { findDockerClient } from '../docker-client.js';
import { printWarning } from '../print-error.js';
import { runProgram } from '../run-program.js';

/** The port of a machine nearby answers sooner. */
const pingTimeoutMs = 300;

interface Call {
  program: string;
  args: string[];
  env: ReturnType<typeof clientVariables>;
}

/**
 * Runs this computer's docker client for one machine whose port answers. Without the code for all
 * other cases, it starts sooner.
 * @returns docker's exit code; undefined if nothing was run
 */
export async function dockerAtPort(flags: OwnFlags, tail: readonly string[]): Promise<number | undefined> {
  const environment = readEnvironment();
  const call = await prepare(flags, tail, environment).catch(() => undefined);
  return call && runProgram(call, call.env);
}

async function prepare(
  flags: OwnFlags,
  tail: readonly string[],
  environment: Environment,
): Promise<Call | undefined> {
  const [host, ...more] = flags.host;
  if (more.length > 0 || flags.debug || mayNeedHint(tail) || environment.variables['BELT_DOCKER_CLIENT'])
    return undefined;
  selectCluster(flags);
  const location = await locateState(environment, flags);
  const place = await chooseCluster(location);
  const owner = environment.sudo;
  const cluster = await openClusterStore({ ...place, ...(owner && { owner }) });
  // A settings file may have `docker_client`, and its format is only read by other code.
  if (location.settingsFiles.length > 0 || (await exists(cluster.settingsPath))) return undefined;
  const name = host ?? (await cluster.activeMachine());
  const { program } = await findDockerClient(environment);
  if (name === undefined || program === undefined) return undefined;
  const endpoint = await portEndpoint(await cluster.machine(name), cluster);
  if (!endpoint?.certificates) return undefined;
  if (!(await pingEngine(endpoint, AbortSignal.timeout(pingTimeoutMs)))) return undefined;
  const warning = await expiryWarning(cluster);
  if (warning !== undefined) printWarning(warning);
  const { url, certificates } = endpoint;
  return {
    program,
    args: [...tail],
    env: clientVariables(environment.variables, { url, certificates: certificates.folder }),
  };
}

/** Also `swarm init`, which gets an address. Flags before the command may have values. */
function mayNeedHint([first = '-']: readonly string[]): boolean {
  const groups = ['swarm', 'service', 'stack', 'node', 'secret', 'config', 'compose', 'buildx'];
  return first.startsWith('-') || groups.includes(first);
}
