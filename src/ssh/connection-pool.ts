import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AbortError, ExternalError } from '../base/errors.js';
import type { Credentials } from './authenticate.js';
import { ConnectError, type ConnectProblem } from './connect-error.js';
import { linkOver, type PooledConnection } from './connection.js';
import type { Connection, SshTarget } from './connection-types.js';
import { dial } from './dial.js';
import type { KnownHosts } from './known-hosts.js';
import { Semaphore } from './semaphore.js';

export interface SshOptions extends Credentials {
  knownHosts: KnownHosts;
  /** For a TCP connection; default: 10 s. */
  connectTimeoutMs?: number;
  /** From the connection to the end of authentication; default: 20 s. */
  readyTimeoutMs?: number;
  /** For opening a channel; default: 20 s. */
  channelTimeoutMs?: number;
  /** Concurrent commands per connection; default: 8. */
  maxChannels?: number;
  /** Concurrent logins in this process; default: 32. */
  maxLogins?: number;
}

export interface WaitOptions {
  timeoutMs: number;
  /**
   * For a rejected key and an unknown name; default: 1 min, since cloud-init adds the key after sshd
   * starts, and mDNS forgets the name during a reboot.
   */
  bootRetryMs?: number;
  signal?: AbortSignal;
  /** Called with each new obstacle, such as `refused by 10.0.0.2 port 22`. */
  onProblem?: (text: string) => void;
}

export interface ConnectOptions {
  signal?: AbortSignal;
  /** The number of an additional connection, for more channels than one may have; default: 0. */
  copy?: number;
}

/** One connection per target in this process; a dead one is replaced. */
export interface Ssh {
  /** @throws ConnectError; UserError when the host key has changed; AbortError */
  connect(target: SshTarget, options?: ConnectOptions): Promise<Connection>;
  /** Retries. @throws ExternalError with the last obstacle; UserError, AbortError as `connect` */
  waitFor(target: SshTarget, options: WaitOptions): Promise<Connection>;
  /** Ends all connections and attempts; later ones fail. */
  closeAll(): void;
}

export function openSsh(options: SshOptions): Ssh {
  const { connectTimeoutMs = 10_000, readyTimeoutMs = 20_000 } = options;
  const { channelTimeoutMs = 20_000, maxChannels = 8, maxLogins = 32 } = options;
  const logins = new Semaphore(maxLogins);
  const links = new Map<string, Promise<PooledConnection>>();
  const closeController = new AbortController();

  async function connect(
    target: SshTarget,
    timeouts: Timeouts,
    { signal, copy = 0 }: ConnectOptions = {},
  ): Promise<PooledConnection> {
    const key = `${copy} ${keyOf(target)}`;
    for (;;) {
      const known = links.get(key);
      const link = await orAbort(known ?? remember(key, open(target, timeouts)), signal);
      if (link.alive) return link;
      if (links.get(key) === known) links.delete(key);
    }
  }

  async function open(target: SshTarget, timeouts: Timeouts): Promise<PooledConnection> {
    const { signal } = closeController;
    // Connects while ssh2 is being loaded.
    const socket = dialTarget(target, timeouts);
    socket.catch(() => {});
    const { login } = await import('./login.js');
    const { readyTimeoutMs } = timeouts;
    const loggedIn = await login(target, socket, { ...options, readyTimeoutMs, logins, signal });
    return linkOver(target, loggedIn, { maxChannels, channelTimeoutMs });
  }

  async function dialTarget(target: SshTarget, timeouts: Timeouts): Promise<Duplex> {
    if (target.jump) return dialThrough(target.jump, target, timeouts);
    if (target.proxyCommand === undefined)
      return dial(target, timeouts.connectTimeoutMs, closeController.signal);
    const { runProxyCommand } = await import('../base/proxy-command.js');
    return runProxyCommand(target.proxyCommand);
  }

  /** All machines behind a jump host share one connection to it. */
  async function dialThrough(jump: SshTarget, target: SshTarget, timeouts: Timeouts): Promise<Duplex> {
    const link = await connect(jump, timeouts, { signal: closeController.signal }).catch((error) => {
      throw error instanceof ConnectError ? jumpHostError(jump, target, error) : error;
    });
    return link.forward(target, { timeoutMs: timeouts.connectTimeoutMs, signal: closeController.signal });
  }

  /** An attempt is shared: one caller's abort does not end it for the others. */
  function remember(key: string, opening: Promise<PooledConnection>): Promise<PooledConnection> {
    links.set(key, opening);
    opening.catch(() => {
      if (links.get(key) === opening) links.delete(key);
    });
    return opening;
  }

  return {
    connect: (target, options) => connect(target, { connectTimeoutMs, readyTimeoutMs }, options),

    async waitFor(target, { timeoutMs, bootRetryMs = 60_000, signal, onProblem }) {
      const startedAt = performance.now();
      const remainingMs = () => Math.max(1, Math.ceil(startedAt + timeoutMs - performance.now()));
      let last: ConnectError | undefined;
      let lastPassingAt = startedAt;
      for (let attempt = 0; ; attempt++) {
        try {
          const timeouts = {
            connectTimeoutMs: Math.min(attemptTimeout(attempt, connectTimeoutMs), remainingMs()),
            readyTimeoutMs: Math.min(readyTimeoutMs, remainingMs()),
          };
          return await connect(target, timeouts, { ...(signal && { signal }) });
        } catch (error) {
          if (!(error instanceof ConnectError)) throw error;
          if (permanentProblems.has(error.problem)) throw error;
          const isOver = remainingMs() <= 1;
          // An attempt that the deadline cut off shows nothing.
          const cause = isOver && last && timeoutProblems.has(error.problem) ? last : error;
          if (!bootProblems.has(error.problem)) lastPassingAt = performance.now();
          const isBootOver =
            bootProblems.has(error.problem) && performance.now() - lastPassingAt > bootRetryMs;
          const pauseMs = retryDelay(error, attempt);
          if (isBootOver || remainingMs() <= pauseMs)
            throw timeoutError(target, performance.now() - startedAt, cause);
          const text = withoutTimeout(error);
          if (!last || text !== withoutTimeout(last)) onProblem?.(text);
          last = error;
          await pause(pauseMs, signal);
        }
      }
    },

    closeAll() {
      closeController.abort();
      for (const link of links.values()) link.then((open) => open.close()).catch(() => {});
      links.clear();
    },
  };
}

interface Timeouts {
  connectTimeoutMs: number;
  readyTimeoutMs: number;
}

/** Only a person can remove them. */
const permanentProblems: ReadonlySet<ConnectProblem> = new Set([
  'no common algorithm',
  'not permitted',
  'another factor',
]);
/** A machine that boots may still remove them: until it has its address, a proxy may answer there. */
const bootProblems: ReadonlySet<ConnectProblem> = new Set(['authentication', 'no such host', 'not SSH']);
const timeoutProblems: ReadonlySet<ConnectProblem> = new Set([
  'no answer',
  'no banner',
  'login not finished',
]);

/** The timeout of one attempt means nothing to the reader. */
function withoutTimeout({ detail }: ConnectError): string {
  return detail.replace(/ within [\d.]+ s\b/, '');
}

function keyOf({ name, user, host, port, keyPath = '', jump }: SshTarget): string {
  return JSON.stringify([name, user, host, port, keyPath, jump ? keyOf(jump) : '']);
}

function jumpHostError(jump: SshTarget, target: SshTarget, cause: ConnectError): ConnectError {
  const { problem, detail, hint } = cause;
  return new ConnectError(target, problem, `jump host ${jump.host}: ${detail}`, {
    cause,
    ...(hint !== undefined && { hint }),
  });
}

/** An unused address does not respond at all: the first attempts time out early. */
function attemptTimeout(attempt: number, maxMs: number): number {
  return Math.min(500 * 1.5 ** attempt, maxMs);
}

/**
 * Grows from 100 to 2000 ms, with jitter. Longer after a failed authentication: OpenSSH 9.8 and
 * later block an address that fails repeatedly (sshd_config(5), PerSourcePenalties).
 */
function retryDelay({ problem }: ConnectError, attempt: number): number {
  const baseMs = problem === 'authentication' ? 3000 : Math.min(100 * 1.3 ** attempt, 1000);
  return baseMs * (1 + Math.random());
}

function timeoutError(target: SshTarget, elapsedMs: number, last: ConnectError): ExternalError {
  const { detail, hint } = last;
  const seconds = Math.round(elapsedMs / 100) / 10;
  return new ExternalError(`${target.name}: no login after ${seconds} s, last error: ${detail}`, {
    cause: last,
    ...(hint !== undefined && { hint }),
  });
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal });
  } catch (error) {
    throw new AbortError(undefined, { cause: error });
  }
}

function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new AbortError());
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
