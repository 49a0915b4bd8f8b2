import { UsageError, UserError } from '../../base/errors.js';
import { type ClientAccess, clientAccess } from '../../engine/client-access.js';
import { oneNamedOrChosen } from '../../machines/default-machine.js';
import { type ShellVariable, shellLines } from '../../machines/views/shell-lines.js';
import type { Environment, Variables } from '../../state/environment.js';
import { toldBack } from '../redacted-command-line.js';
import { type LocalAnswer, openLocal } from './records.js';

export const envFlags = {
  shell: { type: 'string' },
  unset: { type: 'boolean', short: 'u' },
  'no-proxy': { type: 'boolean' },
  swarm: { type: 'boolean' },
} as const;

/** The variables that a Docker client reads, as lines for the person's shell. */
export async function env(argv: readonly string[]): Promise<LocalAnswer> {
  const { flags: given, words, cluster, environment } = await openLocal(argv, envFlags);
  if (given.unset && words.length > 0)
    throw new UsageError('Expected no machine name when the -u flag is present', { hint: 'belt env -u' });
  const variables = given.unset
    ? variablesToUnset(environment, given['no-proxy'])
    : variablesFor(
        await accessOf(await oneNamedOrChosen(words, cluster), given.swarm, cluster),
        environment,
        given['no-proxy'],
      );
  for (const [name, value] of variables) requireOneLine(name, value);
  const command = toldBack(['belt', 'env', ...argv.filter((word) => word !== '--json')]);
  return {
    text: shellLines(given.shell ?? shellOf(environment), variables, command),
    document: Object.fromEntries(variables.map(([name, value]) => [name, value ?? null])),
    cluster,
  };
}

async function accessOf(
  name: string,
  swarm: boolean | undefined,
  cluster: Parameters<typeof clientAccess>[1],
): Promise<ClientAccess> {
  const access = await clientAccess(name, cluster);
  if (swarm) throw notASwarmMaster(name);
  return access;
}

/** Swarm before 1.12 had a port of its own; no engine of today has it. In docker-machine's words. */
export function notASwarmMaster(name: string): UserError {
  return new UserError(
    `"${name}" is not a swarm master. The --swarm flag is intended for use with swarm masters`,
  );
}

/** In docker-machine's order. */
function variablesFor(
  { name, url, address, certificates }: ClientAccess,
  { variables, platform }: Environment,
  noProxy: boolean | undefined,
): ShellVariable[] {
  const windows: ShellVariable[] = platform === 'win32' ? [['COMPOSE_CONVERT_WINDOWS_PATHS', 'true']] : [];
  return [
    // Without TLS both are empty: left over from another machine, they would make a client ask for it here.
    ['DOCKER_TLS_VERIFY', certificates ? '1' : ''],
    ['DOCKER_HOST', url],
    ['DOCKER_CERT_PATH', certificates?.folder ?? ''],
    ['DOCKER_MACHINE_NAME', name],
    ...windows,
    ...(noProxy && address !== undefined ? [withoutProxy(address, variables)] : []),
  ];
}

function variablesToUnset(
  { variables, platform }: Environment,
  noProxy: boolean | undefined,
): ShellVariable[] {
  const names = ['DOCKER_TLS_VERIFY', 'DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_MACHINE_NAME'];
  if (platform === 'win32') names.push('COMPOSE_CONVERT_WINDOWS_PATHS');
  return [
    ...names.map((name): ShellVariable => [name, undefined]),
    ...(noProxy ? [withProxyAgain(variables)] : []),
  ];
}

/** The machine's address joins those that are reached without a proxy. */
function withoutProxy(address: string, variables: Variables): ShellVariable {
  const [name, addresses] = proxyExceptions(variables);
  return [name, (addresses.includes(address) ? addresses : [...addresses, address]).join(',')];
}

/** The address of the machine that DOCKER_HOST names leaves them again. */
function withProxyAgain(variables: Variables): ShellVariable {
  const [name, addresses] = proxyExceptions(variables);
  const url = variables['DOCKER_HOST'] ?? '';
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') : '';
  return [name, addresses.filter((address) => address !== host).join(',') || undefined];
}

/** The lower-case variable where it is in use, as docker-machine has it. */
function proxyExceptions(variables: Variables): [name: string, addresses: string[]] {
  const name = variables['no_proxy'] ? 'no_proxy' : 'NO_PROXY';
  return [name, (variables[name] ?? '').split(',').filter((address) => address !== '')];
}

function shellOf({ variables, platform }: Environment): string {
  const [shell = ''] = (variables['SHELL'] ?? '').split(/[\\/]/).slice(-1);
  if (shell !== '') return shell.replace(/\.exe$/i, '');
  return platform === 'win32' ? 'cmd' : 'sh';
}

/** No shell's `eval` keeps a line end in a value. */
function requireOneLine(name: string, value: string | undefined): void {
  if (value === undefined || !/\p{Cc}/u.test(value)) return;
  throw new UserError(`${name} would be ${JSON.stringify(value)}, which no shell's eval keeps as it is`, {
    hint: 'move the state folder to a path without line ends and tabs',
  });
}
