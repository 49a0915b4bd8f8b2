import { quoteArgs } from '../base/quote-args.js';
import type { SshTarget } from './connection-types.js';

export interface OpenSshTarget extends SshTarget {
  /** The name on command lines. */
  alias: string;
}

export interface PinnedKeys {
  path: string;
  /** The names that have a key; for others, ssh pins the first one. */
  names: ReadonlySet<string>;
}

/** Uses belt's keys and known_hosts, not the user's configuration. @see ssh_config(5) */
export function openSshConfig(targets: readonly OpenSshTarget[], pinned: PinnedKeys): string {
  return targets.flatMap((target) => blocks(target, pinned)).join('\n');
}

/** The jump hosts first. */
function blocks(target: OpenSshTarget, pinned: PinnedKeys): string[] {
  const { jump } = target;
  return [
    ...(jump ? blocks({ ...jump, alias: jumpAlias(target) }, pinned) : []),
    formatBlock(target, pinned),
  ];
}

function formatBlock(target: OpenSshTarget, pinned: PinnedKeys): string {
  const jump: SshOption[] = target.jump ? [['ProxyJump', jumpAlias(target)]] : [];
  const options = [['HostName', quote(target.host)] as const, ...optionsOf(target, pinned), ...jump];
  return `Host ${target.alias}\n${options.map(([key, value]) => `  ${key} ${value}\n`).join('')}`;
}

type SshOption = readonly [key: string, value: string];

/** Without the address and the jump host. */
function optionsOf(target: SshTarget, pinned: PinnedKeys): SshOption[] {
  const { name, port, user, keyPath, certificatePath, agentSocket, proxyCommand } = target;
  const options: [string, string | undefined][] = [
    ['HostKeyAlias', quote(name, { tokens: false })],
    ['Port', String(port)],
    ['User', quote(user, { tokens: false })],
    ['IdentityFile', keyPath && quote(keyPath)],
    ['IdentitiesOnly', keyPath && 'yes'],
    ['CertificateFile', certificatePath && quote(certificatePath)],
    ['IdentityAgent', agentSocket && quote(agentSocket)],
    ['UserKnownHostsFile', quote(pinned.path)],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['StrictHostKeyChecking', pinned.names.has(name) ? 'yes' : 'accept-new'],
    ['UpdateHostKeys', 'no'],
    ['HashKnownHosts', 'no'],
    ['CheckHostIP', 'no'],
    ['PasswordAuthentication', 'no'],
    ['KbdInteractiveAuthentication', 'no'],
    ['ConnectTimeout', '10'],
    ['ServerAliveInterval', '5'],
    ['ServerAliveCountMax', '4'],
    ['LogLevel', 'ERROR'],
    ['ProxyCommand', proxyCommand?.replaceAll('%', '%%')],
  ];
  return options.flatMap(([key, value]) => (value ? [[key, value]] : []));
}

/** Arguments of ssh that do the same as the target's block, jump hosts included. */
export function openSshArguments(target: SshTarget, pinned: PinnedKeys): string[] {
  const { jump } = target;
  const proxy: SshOption[] = jump ? [['ProxyCommand', proxyCommandThrough(jump, pinned)]] : [];
  return [...optionsOf(target, pinned), ...proxy].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

/** ssh replaces `%h` and `%p`; all that belongs to the jump host itself must survive that. */
function proxyCommandThrough(jump: SshTarget, pinned: PinnedKeys): string {
  const command = quoteArgs(['ssh', ...openSshArguments(jump, pinned), jump.host]).replaceAll('%', '%%');
  return `${command} -W '[%h]:%p'`;
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
