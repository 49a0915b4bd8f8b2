import type { SshTarget } from './connection-types.js';

export interface OpenSshTarget extends SshTarget {
  /** The name on command lines. */
  alias: string;
  /** Whether known_hosts has a key; otherwise ssh pins the first one. */
  known: boolean;
}

/** Uses belt's keys and known_hosts, not the user's configuration. @see ssh_config(5) */
export function openSshConfig(targets: readonly OpenSshTarget[], knownHostsPath: string): string {
  return targets.flatMap((target) => blocks(target, knownHostsPath)).join('\n');
}

/** The jump hosts first. */
function blocks(target: OpenSshTarget, knownHostsPath: string): string[] {
  const { jump } = target;
  return [
    ...(jump ? blocks({ ...jump, alias: jumpAlias(target), known: false }, knownHostsPath) : []),
    block(target, knownHostsPath),
  ];
}

function block(target: OpenSshTarget, knownHostsPath: string): string {
  const { alias, name, host, port, user, keyPath, certificatePath, agentSocket, known, jump, proxyCommand } =
    target;
  const options: [string, string | undefined][] = [
    ['HostName', quote(host)],
    ['HostKeyAlias', quote(name, { tokens: false })],
    ['Port', String(port)],
    ['User', quote(user, { tokens: false })],
    ['IdentityFile', keyPath && quote(keyPath)],
    ['IdentitiesOnly', keyPath && 'yes'],
    ['CertificateFile', certificatePath && quote(certificatePath)],
    ['IdentityAgent', agentSocket && quote(agentSocket)],
    ['UserKnownHostsFile', quote(knownHostsPath)],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['StrictHostKeyChecking', known ? 'yes' : 'accept-new'],
    ['UpdateHostKeys', 'no'],
    ['HashKnownHosts', 'no'],
    ['CheckHostIP', 'no'],
    ['PasswordAuthentication', 'no'],
    ['KbdInteractiveAuthentication', 'no'],
    ['ConnectTimeout', '10'],
    ['ServerAliveInterval', '5'],
    ['ServerAliveCountMax', '4'],
    ['LogLevel', 'ERROR'],
    ['ProxyJump', jump && jumpAlias(target)],
    ['ProxyCommand', proxyCommand?.replaceAll('%', '%%')],
  ];
  const lines = options.flatMap(([key, value]) => (value ? [`  ${key} ${value}`] : []));
  return `Host ${alias}\n${lines.join('\n')}\n`;
}

/** No machine name starts with an underscore. */
function jumpAlias({ alias }: Pick<OpenSshTarget, 'alias'>): string {
  return `_jump-to-${alias}`;
}

/** `%` begins a token in host names and paths. */
function quote(value: string, { tokens = true } = {}): string {
  const escaped = value.replaceAll(/["\\]/g, '\\$&');
  return `"${tokens ? escaped.replaceAll('%', '%%') : escaped}"`;
}
