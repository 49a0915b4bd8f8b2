import { execFile } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { UserError } from '../base/errors.js';
import type { JumpHost } from '../machines/model/machine.js';
import {
  type HostAuthority,
  jumpName,
  parseWrittenHost,
  type SshHost,
  type UserHostKeys,
  type WrittenHost,
} from '../machines/model/ssh-host.js';
import { findAuthority } from './known-hosts.js';

/** The person whose ~/.ssh/config counts: under sudo, its caller. */
export interface OpenSshUser {
  home: string;
  /** Path of OpenSSH's `ssh`; without it, there is no configuration. */
  program: string | undefined;
  /** For temporary files. */
  temporaryFolder: string;
  /** Reports what came from the configuration. */
  onResolved?: (text: string) => void;
}

/** More jump hosts than anyone has: a ProxyJump that leads back to its own host. */
const maxJumps = 8;

/**
 * Resolves a host through `ssh -G`, so that Host, Match and Include work as in OpenSSH. What is
 * written wins over the configuration.
 * @param written.jump replaces ProxyJump and ProxyCommand
 * @throws UserError for a configuration that cannot be read
 */
export async function resolveSshHost(
  written: WrittenHost & { jump?: WrittenHost },
  user: OpenSshUser,
): Promise<SshHost> {
  return resolve(written, user, { defaultUser: 'root', jumps: 0 });
}

interface Chain {
  defaultUser: string;
  jumps: number;
}

async function resolve(
  written: WrittenHost & { jump?: WrittenHost },
  user: OpenSshUser,
  chain: Chain,
): Promise<SshHost> {
  const options = await queryOptions(written, user, chain.defaultUser);
  const address = options.one('hostname') ?? written.host;
  const login = options.one('user') ?? written.user ?? chain.defaultUser;
  const port = Number(options.one('port') ?? written.port ?? 22);
  const local = { ...user, written: written.host, address, login, port };
  const keyPath = await firstExisting(options.all('identityfile'), local);
  const certificatePath = await firstExisting(options.all('certificatefile'), local);
  const jump = await resolveJump(written, options, user, chain);
  const agentSocket = agentIn(options, local);
  const proxy = options.one('proxycommand');
  const proxyCommand = jump || written.jump || proxy === 'none' ? undefined : proxy;
  const hostName = options.one('hostkeyalias') ?? knownHostsName(address, port);
  const paths = ['userknownhostsfile', 'globalknownhostsfile'].flatMap(
    (key) => options.one(key)?.split(' ') ?? [],
  );
  const authority = await resolveAuthority(hostName, paths, written, user, chain.defaultUser);
  const isStrict = ['true', 'yes'].includes(options.one('stricthostkeychecking') ?? '');
  const hostKeys: UserHostKeys = {
    name: written.host,
    hostName,
    paths,
    ...(isStrict && { strict: true }),
    ...(authority && { authority }),
  };
  const host: SshHost = {
    address,
    user: login,
    port,
    ...(keyPath !== undefined && { keyPath }),
    ...(certificatePath !== undefined && { certificatePath }),
    ...(agentSocket !== undefined && { agentSocket }),
    ...(jump && { jump: jumpHostOf(jump) }),
    ...(proxyCommand !== undefined && { proxyCommand: expandTokens(proxyCommand, local) }),
    hostKeys: [hostKeys, ...(jump ? jumpHostKeys(jump) : [])],
  };
  reportResolved(written, host, chain, user);
  return host;
}

/**
 * OpenSSH verifies the host certificate, in a login that ends after the key exchange.
 * @see ssh(1), "matches the ... host certificate" at debug level 1
 */
async function resolveAuthority(
  hostName: string,
  paths: readonly string[],
  written: WrittenHost & { jump?: WrittenHost },
  user: OpenSshUser,
  defaultUser: string,
): Promise<HostAuthority | undefined> {
  const path = await findAuthority(hostName, paths);
  if (path === undefined || user.program === undefined) return undefined;
  const { jump } = written;
  const options = ['BatchMode yes', 'StrictHostKeyChecking yes', 'PreferredAuthentications none'];
  const log = await runSsh(written, user, defaultUser, [
    '-v',
    ...[...options, 'ConnectTimeout 10', 'ControlPath none'].flatMap((option) => ['-o', option]),
    ...(jump ? ['-J', `${jump.user ?? 'root'}@${jump.host}:${jump.port ?? 22}`] : []),
  ]).then(({ stderr }) => stderr);
  const [, type, fingerprint] =
    /Server host certificate: (\S+)-cert-v01@openssh\.com (SHA256:[^\s,]+)/.exec(log) ?? [];
  // Its principals and dates are checked after the match; keys are used only after that.
  const isAccepted = /matches the \S+ host certificate.*SSH2_MSG_NEWKEYS received/s.test(log);
  if (!isAccepted || type === undefined || fingerprint === undefined) return { path };
  return { path, certified: { type, fingerprint } };
}

/** Of several hosts in ProxyJump, each one is reached through those before it. */
async function resolveJump(
  { host, jump }: WrittenHost & { jump?: WrittenHost },
  options: Options,
  user: OpenSshUser,
  { jumps }: Chain,
): Promise<SshHost | undefined> {
  if (jump) return resolve(jump, user, { defaultUser: 'root', jumps: jumps + 1 });
  const proxy = options.one('proxyjump') ?? jumpInCommand(options.one('proxycommand'));
  if (proxy === undefined || proxy === 'none') return undefined;
  if (jumps >= maxJumps)
    throw new UserError(`~/.ssh/config leads to ${host} through itself: ProxyJump ${proxy}`);
  const hops = proxy.split(',').map((text) => {
    const hop = parseWrittenHost(text.replace(/^ssh:\/\//, ''));
    if (!hop) throw new UserError(`~/.ssh/config: "${text}" in the ProxyJump of ${host} is not a host`);
    return hop;
  });
  const nested = hops.reduce<(WrittenHost & { jump?: WrittenHost }) | undefined>(
    (before, hop) => ({ ...hop, ...(before && { jump: before }) }),
    undefined,
  );
  return nested && resolve(nested, user, { defaultUser: userInfo().username, jumps: jumps + hops.length });
}

/**
 * `ssh -W %h:%p gate` is how a jump host was written before OpenSSH 7.3: machines behind it share
 * one connection to it.
 */
function jumpInCommand(command = ''): string | undefined {
  const [program = '', ...words] = command.split(/\s+/).filter((word) => word !== 'exec');
  const rest = words.filter((word) => !['-q', '-W', '%h:%p', '[%h]:%p'].includes(word));
  const [gate, ...more] = rest;
  const isJump = basename(program) === 'ssh' && words.includes('-W') && more.length === 0;
  return isJump && gate !== undefined && parseWrittenHost(gate) ? gate : undefined;
}

/** @returns undefined for the agent of SSH_AUTH_SOCK; `none` for no agent */
function agentIn(options: Options, local: LocalHost): string | undefined {
  const agent = options.one('identityagent');
  if (agent === undefined || agent === 'SSH_AUTH_SOCK') return undefined;
  return agent === 'none' ? agent : expandTokens(agent, local);
}

function jumpHostOf({ address, hostKeys: _, ...host }: SshHost): JumpHost {
  return { host: address, ...host };
}

function jumpHostKeys({ address, port, hostKeys: [own, ...others] }: SshHost): SshHost['hostKeys'] {
  return own ? [{ ...own, name: jumpName({ host: address, port }) }, ...others] : others;
}

/** @see sshd(8), known_hosts */
function knownHostsName(address: string, port: number): string {
  return port === 22 ? address : `[${address}]:${port}`;
}

interface Options {
  one(key: string): string | undefined;
  all(key: string): readonly string[];
}

/** Fallbacks at the end of the configuration replace OpenSSH's own: first come, first served. */
async function queryOptions(written: WrittenHost, user: OpenSshUser, defaultUser: string): Promise<Options> {
  if (user.program === undefined) return parseOptions('');
  const { cause, stdout, stderr } = await runSsh(written, user, defaultUser, ['-G']);
  if (!cause) return parseOptions(stdout);
  const reason =
    stderr
      .trim()
      .split('\n')
      .find((line) => line !== '') ?? cause.message;
  const path = /permissions on (.+)$/.exec(reason)?.[1];
  throw new UserError(`ssh cannot read its configuration: ${reason}`, {
    cause,
    ...(path !== undefined && { hint: `chmod 600 ${path}` }),
  });
}

interface SshResult {
  cause: Error | null;
  stdout: string;
  stderr: string;
}

/** With the user's configuration and belt's defaults. */
async function runSsh(
  { host, user: login, port }: WrittenHost,
  { home, program = 'ssh', temporaryFolder }: OpenSshUser,
  defaultUser: string,
  args: readonly string[],
): Promise<SshResult> {
  const folder = await mkdtemp(join(temporaryFolder, 'belt-ssh-'));
  try {
    const path = join(folder, 'config');
    await writeFile(
      path,
      `Include "${join(home, '.ssh', 'config')}"\nInclude "/etc/ssh/ssh_config"\n` +
        `Host *\n  User ${defaultUser}\n  IdentityFile none\n  UserKnownHostsFile ${['known_hosts', 'known_hosts2'].map((file) => `"${join(home, '.ssh', file)}"`).join(' ')}\n`,
    );
    const flags = [
      ...(login === undefined ? [] : ['-l', login]),
      ...(port === undefined ? [] : ['-p', `${port}`]),
    ];
    return await run(program, ['-F', path, ...args, ...flags, host]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[]): Promise<SshResult> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: 15_000 }, (cause, stdout, stderr) =>
      resolve({ cause, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

function parseOptions(text: string): Options {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) (.+)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, [...(values.get(key) ?? []), value]);
  }
  return { one: (key) => values.get(key)?.[0], all: (key) => values.get(key) ?? [] };
}

interface LocalHost {
  home: string;
  written: string;
  address: string;
  login: string;
  port: number;
}

async function firstExisting(paths: readonly string[], local: LocalHost): Promise<string | undefined> {
  for (const written of paths) {
    const path = expandTokens(written, local);
    if (await exists(path)) return path;
  }
  return undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** `~` and tokens. @see ssh_config(5), TOKENS */
function expandTokens(path: string, { home, written, address, login, port }: LocalHost): string {
  const tokens: Readonly<Record<string, string>> = {
    '%': '%',
    d: home,
    h: address,
    n: written,
    p: `${port}`,
    r: login,
    u: userInfo().username,
  };
  const expanded = path.replaceAll(/%(.)/g, (text, token: string) => tokens[token] ?? text);
  return expanded.startsWith('~/') ? join(home, expanded.slice(2)) : expanded;
}

function reportResolved(
  written: WrittenHost,
  host: SshHost,
  { defaultUser }: Chain,
  user: OpenSshUser,
): void {
  const { address, user: login, port, keyPath, certificatePath, agentSocket, jump, proxyCommand } = host;
  const found = [
    address === written.host ? undefined : `HostName ${address}`,
    login === (written.user ?? defaultUser) ? undefined : `User ${login}`,
    port === (written.port ?? 22) ? undefined : `Port ${port}`,
    keyPath && `IdentityFile ${keyPath}`,
    certificatePath && `CertificateFile ${certificatePath}`,
    agentSocket && `IdentityAgent ${agentSocket}`,
    proxyCommand && `ProxyCommand ${proxyCommand}`,
    jump && !('jump' in written) && `ProxyJump ${jump.user}@${jump.host}:${jump.port}`,
  ].filter(Boolean);
  if (found.length > 0) user.onResolved?.(`${written.host} in ~/.ssh/config: ${found.join(', ')}`);
}
