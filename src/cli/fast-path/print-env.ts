import { UsageError, UserError } from '../../base/errors.js';
import { type ClientAccess, clientAccess } from '../../engine/client-access.js';
import { oneNamedOrActive } from '../../machines/default-machine.js';
import { type ShellVariable, shellLines } from '../../machines/views/shell-lines.js';
import type { Environment, Variables } from '../../state/environment.js';
import { redactedCommandLine } from '../redacted-command-line.js';
import type { Local, LocalResult } from './records.js';

export const envFlags = {
  shell: { type: 'string' },
  unset: { type: 'boolean', short: 'u' },
  'no-proxy': { type: 'boolean' },
  swarm: { type: 'boolean' },
} as const;

/** The Docker client's environment variables, as lines for the user's shell. */
export async function env({
  flags: given,
  words,
  argv,
  cluster,
  environment,
}: Local<typeof envFlags>): Promise<LocalResult<Record<string, string | null>>> {
  if (given.unset && words.length > 0)
    throw new UsageError('Expected no machine name when the -u flag is present', { hint: 'belt env -u' });
  const variables = given.unset
    ? variablesToUnset(environment, given['no-proxy'])
    : variablesFor(
        await accessOf(await oneNamedOrActive(words, cluster), given.swarm, cluster),
        environment,
        given['no-proxy'],
      );
  for (const [name, value] of variables) requireOneLine(name, value);
  const command = redactedCommandLine(['belt', 'env', ...argv]);
  return {
    text: shellLines(given.shell ?? shellOf(environment), variables, command),
    document: Object.fromEntries(variables.map(([name, value]) => [name, value ?? null])),
    cluster,
    output: given,
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

/** docker-machine's message: the standalone Swarm before Docker 1.12 had its own port. */
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
    // Empty without TLS, as values left over from another machine would turn it on.
    ['DOCKER_TLS_VERIFY', certificates ? '1' : ''],
    ['DOCKER_HOST', url],
    ['DOCKER_CERT_PATH', certificates?.folder ?? ''],
    ['DOCKER_MACHINE_NAME', name],
    ...windows,
    ...(noProxy && address !== undefined ? [withProxyException(address, variables)] : []),
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
    ...(noProxy ? [withoutProxyException(variables)] : []),
  ];
}

/** NO_PROXY with the machine's address. */
function withProxyException(address: string, variables: Variables): ShellVariable {
  const [name, addresses] = proxyExceptions(variables);
  return [name, (addresses.includes(address) ? addresses : [...addresses, address]).join(',')];
}

/** NO_PROXY without the address of the machine in DOCKER_HOST. */
function withoutProxyException(variables: Variables): ShellVariable {
  const [name, addresses] = proxyExceptions(variables);
  const url = variables['DOCKER_HOST'] ?? '';
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') : '';
  return [name, addresses.filter((address) => address !== host).join(',') || undefined];
}

/** As in docker-machine, the lower-case variable takes precedence. */
function proxyExceptions(variables: Variables): [name: string, addresses: string[]] {
  const name = variables['no_proxy'] ? 'no_proxy' : 'NO_PROXY';
  return [name, (variables[name] ?? '').split(',').filter((address) => address !== '')];
}

function shellOf({ variables, platform }: Environment): string {
  const [shell = ''] = (variables['SHELL'] ?? '').split(/[\\/]/).slice(-1);
  if (shell !== '') return shell.replace(/\.exe$/i, '');
  return platform === 'win32' ? 'cmd' : 'sh';
}

/** `eval` keeps no line break in a value. */
function requireOneLine(name: string, value: string | undefined): void {
  if (value === undefined || !/\p{Cc}/u.test(value)) return;
  throw new UserError(`the value of ${name} contains a control character: ${JSON.stringify(value)}`, {
    hint: 'move the state folder to a path without line breaks and tabs',
  });
}
