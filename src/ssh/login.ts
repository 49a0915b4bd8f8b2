import type { Duplex } from 'node:stream';
import ssh2, {
  type Algorithms,
  type AnyAuthMethod,
  type Client,
  type ConnectConfig,
  type ServerHostKeyAlgorithm,
} from 'ssh2';
import { AbortError, UserError } from '../base/errors.js';
import { type Authentication, authentication, type Credentials } from './authenticate.js';
import { ConnectError, type ConnectProblem, socketError, spokenLines } from './connect-error.js';
import type { SshTarget } from './connection-types.js';
import { fingerprint } from './key-pair.js';
import type { KnownHosts } from './known-hosts.js';
import type { Semaphore } from './semaphore.js';
import { allowCertificates } from './user-certificate.js';

interface LoginOptions extends Credentials {
  knownHosts: KnownHosts;
  /** For the whole login. */
  readyTimeoutMs: number;
  /** Limits concurrent key exchanges: thousands would use all CPU time until all time out. */
  logins: Semaphore;
  signal: AbortSignal;
}

/** Its error listener stays, so that ssh2's late errors are not unhandled. */
export interface LoggedInClient {
  client: Client;
  socket: Duplex;
}

/** @throws ConnectError; UserError when the host key is not the known one; AbortError */
export async function login(
  target: SshTarget,
  dialing: Promise<Duplex>,
  options: LoginOptions,
): Promise<LoggedInClient> {
  const keys = authentication(target, options);
  const socket = await dialing;
  try {
    const release = await options.logins.acquire(options.signal);
    try {
      return { client: await authenticateClient(target, options, keys, socket), socket };
    } finally {
      release();
    }
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function authenticateClient(
  target: SshTarget,
  options: LoginOptions,
  keys: Authentication,
  socket: Duplex,
): Promise<Client> {
  const knownTypes = await options.knownHosts.keyTypes(target.name);
  if (socket.destroyed)
    throw socket.errored ? socketError(target, socket.errored) : closedError(target, 'banner');
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let phase: Phase = 'banner';
    let refusal: unknown;
    /** Before the key exchange the greeting, then the banners. */
    let said = '';

    const settle = () => options.signal.removeEventListener('abort', onAbort);
    const fail = (error: unknown) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(new AbortError());
    options.signal.addEventListener('abort', onAbort, { once: true });

    // Stays registered. ssh2 also emits an agent's failure here, and then tries the next method.
    client.on('error', (error: LevelledError) => {
      if (error.level === 'agent') return;
      fail(refusal ?? explainFailure(target, options, keys, { phase, said }, error));
    });
    client.once('close', () =>
      fail(refusal ?? closedError(target, hasVersion(said) ? 'login' : phase, said)),
    );
    client.on('banner', (text) => {
      said = `${said}\n${text}`.slice(-maxBanner);
    });
    client.once('handshake', () => {
      phase = 'login';
      said = '';
      socket.off('data', onData);
      const end = allowCertificates(client);
      client.once('ready', end);
    });
    client.once('ready', () => {
      settle();
      resolve(client);
    });

    const onData = (chunk: Buffer) => {
      said = `${said}${chunk.toString('latin1')}`.slice(0, maxGreeting);
      if (otherService.test(said)) fail(otherServiceError(target, said));
    };

    client.connect({
      ...connectConfig(target, options, socket),
      algorithms: algorithmsFor(knownTypes),
      authHandler: (allowed, partial, next) => keys.next(allowed, partial, next as Proceed),
      hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => {
        checkHostKey(target, options.knownHosts, key).then(
          () => verify(true),
          (error) => {
            refusal = error;
            verify(false);
          },
        );
      },
    });
    socket.on('data', onData);
  });
}

type Phase = 'banner' | 'login';
/** sshd sends a legal notice first, and PAM's reasons last. */
const maxBanner = 16 * 1024;
/** What a port says before, or instead of, the key exchange. */
const maxGreeting = 2000;
/** HTTP, SMTP or FTP, and the SSH of the last century. */
const otherService = /^(HTTP\/|220[ -]|SSH-1\.(?!99))[^\n]*\n/;
type LevelledError = Error & { level?: string };
/** ssh2's type lacks `next(false)`, which ends authentication. */
type Proceed = (method: AnyAuthMethod | false) => void;

function connectConfig(target: SshTarget, options: LoginOptions, socket: Duplex): ConnectConfig {
  return {
    sock: socket,
    username: target.user,
    readyTimeout: options.readyTimeoutMs,
    // A partition ends the connection after 25 s.
    keepaliveInterval: 5_000,
    keepaliveCountMax: 4,
  };
}

/** The known key's type first, so that a server with several keys presents the known one. */
function algorithmsFor(knownTypes: readonly string[]): Algorithms {
  const known = knownTypes.flatMap((type) =>
    type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type],
  );
  const ordered = [...known.filter((type) => hostKeyAlgorithms.includes(type)), ...hostKeyAlgorithms];
  return { serverHostKey: [...new Set(ordered)] as ServerHostKeyAlgorithm[] };
}

const hostKeyAlgorithms: readonly string[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** @throws UserError unless the key is the known or the first one */
async function checkHostKey(target: SshTarget, knownHosts: KnownHosts, key: Buffer): Promise<void> {
  const verdict = await knownHosts.check(target.name, key);
  if (verdict.verdict === 'changed') {
    const known = verdict.known.map(fingerprint).join(' or ');
    const { path } = verdict;
    throw new UserError(
      path === undefined
        ? `${target.name}: the host key at ${target.host} port ${target.port} has changed: expected ${known}, got ${fingerprint(key)}`
        : `${target.name}: the host key at ${target.host} port ${target.port} is not the one in ${path}: expected ${known}, got ${fingerprint(key)}`,
      {
        errorCode: 'ssh-host-key',
        hint: `remove the line for ${path === undefined ? target.name : target.host} from ${path ?? knownHosts.path} if the machine was really recreated; otherwise someone may be intercepting the connection`,
      },
    );
  }
  if (verdict.verdict === 'unknown' || verdict.verdict === 'uncertified') {
    const reason =
      verdict.verdict === 'unknown'
        ? `is not in ${verdict.path}, and ~/.ssh/config sets StrictHostKeyChecking`
        : `is not certified by the certificate authority that ${verdict.path} trusts for this host`;
    throw new UserError(
      `${target.name}: the host key ${fingerprint(key)} at ${target.host} port ${target.port} ${reason}`,
      { errorCode: 'ssh-host-key', hint: `compare the fingerprint, and add the key to ${verdict.path}` },
    );
  }
  if (verdict.verdict === 'revoked') {
    throw new UserError(
      `${target.name}: the host key ${fingerprint(key)} at ${target.host} port ${target.port} is revoked`,
      {
        errorCode: 'ssh-host-key',
        hint: `give the machine a new host key; ${verdict.path ?? knownHosts.path} marks this one @revoked`,
      },
    );
  }
}

function explainFailure(
  target: SshTarget,
  options: LoginOptions,
  keys: Authentication,
  { phase, said }: { phase: Phase; said: string },
  error: LevelledError,
): ConnectError | UserError {
  const where = `${target.host} port ${target.port}`;
  const fail = (obstacle: ConnectProblem, detail: string) =>
    new ConnectError(target, obstacle, detail, { cause: error });

  if (error.level === 'client-socket') return socketError(target, error, quote(phase, said));
  if (error.level === 'client-timeout') {
    const within = `within ${options.readyTimeoutMs / 1000} s`;
    return phase === 'banner'
      ? fail('no banner', `no banner from ${where} ${within}${quote(phase, said) || noWord}`)
      : fail('login not finished', `login not finished at ${where} ${within}`);
  }
  if (error.level === 'client-authentication' && !keys.hadKey) {
    return new UserError(`${target.name}: no SSH key to log in as ${target.user}: ${keys.describe()}`, {
      cause: error,
      hint: 'start an ssh-agent and ssh-add a key, or specify a key file',
    });
  }
  if (error.level === 'client-authentication' && keys.deadEnd) {
    const { problem, hint } = keys.deadEnd;
    return new ConnectError(
      target,
      'another factor',
      `authentication failed for ${target.user} at ${where}: ${problem}${quote(phase, said)}`,
      { cause: error, hint },
    );
  }
  if (error.level === 'client-authentication' || /authentication failures/i.test(error.message)) {
    const isCutOff = error.level !== 'client-authentication';
    const reason = isCutOff ? ` (${error.message})` : '';
    return new ConnectError(
      target,
      'authentication',
      `authentication failed for ${target.user} at ${where}${reason}: ${keys.describe()}${quote(phase, said)}`,
      {
        cause: error,
        hint: isCutOff
          ? 'specify the key to log in with: the server allows only so many attempts (MaxAuthTries)'
          : `add one of these public keys to ~${target.user}/.ssh/authorized_keys on the machine, or specify another key or user`,
      },
    );
  }
  if (/before handshake/.test(error.message)) return closedError(target, 'banner', said);
  const [, missing] = /no matching (.+)/i.exec(error.message) ?? [];
  if (missing !== undefined) {
    return new ConnectError(
      target,
      'no common algorithm',
      `no common algorithm with ${where}: ${error.message}`,
      { cause: error, hint: algorithmHint(missing) },
    );
  }
  return fail('other', `cannot log in at ${where}: ${error.message}${quote(phase, said)}`);
}

const noWord = ': it takes connections and says nothing';

/** What any OpenSSH since 6.5 has, and ssh2 too. @param missing as in ssh2's messages */
function algorithmHint(missing: string): string {
  const option = /key exchange/.test(missing)
    ? 'KexAlgorithms +curve25519-sha256'
    : /host key/.test(missing)
      ? 'HostKeyAlgorithms +ssh-ed25519,rsa-sha2-512'
      : /cipher/.test(missing)
        ? 'Ciphers +aes256-ctr'
        : 'MACs +hmac-sha2-256';
  return `add "${option}" to sshd_config on the machine, or upgrade its SSH server`;
}

function otherServiceError(target: SshTarget, said: string): ConnectError {
  const where = `${target.host} port ${target.port}`;
  return new ConnectError(target, 'not SSH', `not an SSH server at ${where}${quote('banner', said)}`, {
    hint: 'specify the port of its SSH server',
  });
}

function closedError(target: SshTarget, phase: Phase, said = ''): ConnectError {
  const problem = phase === 'banner' ? 'closed before banner' : 'closed during login';
  const detail = `${problem} by ${target.host} port ${target.port}${quote(phase, said)}`;
  return new ConnectError(target, problem, detail);
}

function hasVersion(said: string): boolean {
  return /^SSH-/m.test(said);
}

/** For example PAM's reason why an account may not log in, or "Exceeded MaxStartups". */
function quote(phase: Phase, said: string): string {
  // The key exchange after the version is binary.
  const lines = spokenLines(said.replace(/^SSH-(2|1\.99).*/ms, ''));
  const shown = phase === 'banner' ? lines.slice(0, 3) : lines.slice(-3);
  return shown.length === 0 ? '' : `; the server says: ${shown.join(' / ')}`;
}
