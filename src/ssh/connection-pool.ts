import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AbortError, ExternalError } from '../base/errors.js';
import type { Credentials } from './authenticate.js';
import { ConnectError } from './connect-error.js';
import { linkOver, type PooledConnection } from './connection.js';
import type { Connection, SshTarget } from './connection-types.js';
import { dial } from './dial.js';
import type { KnownHosts } from './known-hosts.js';
import { Semaphore } from './semaphore.js';

export interface SshOptions extends Credentials {
  knownHosts: KnownHosts;
  /** For a TCP connection; default 10 s. */
  connectTimeoutMs?: number;
  /** From there to the end of the authentication; default 20 s. */
  readyTimeoutMs?: number;
  /** For the server to open a channel; default 20 s. */
  channelTimeoutMs?: number;
  /** Commands at a time in one connection, further ones wait; default 8. */
  maxChannels?: number;
  /** Logins at a time in this process, further ones wait; default 32. */
  maxLogins?: number;
}

export interface WaitOptions {
  timeoutMs: number;
  /**
   * How long a key may stay unknown to a server that answers; default a minute: cloud-init puts it there only after sshd has
   * begun to listen.
   */
  authRetryMs?: number;
  signal?: AbortSignal;
  /** What stands in the way, each time that it is another thing than before: `refused by 10.0.0.2 port 22`. */
  onProblem?: (text: string) => void;
}

/** One connection a machine in this process: who asks for the same target gets the same one, a dead one is replaced. */
export interface Ssh {
  /**
   * One try.
   * @throws ConnectError (an ExternalError that names the obstacle); UserError when the host key is not the known one; AbortError
   */
  connect(target: SshTarget, options?: { signal?: AbortSignal }): Promise<Connection>;
  /** Tries until the time is up. @throws ExternalError with the last obstacle; UserError, AbortError as `connect`. */
  waitFor(target: SshTarget, options: WaitOptions): Promise<Connection>;
  /** Ends all connections and all tries; nothing connects afterwards. */
  closeAll(): void;
}

export function openSsh(options: SshOptions): Ssh {
  const { connectTimeoutMs = 10_000, readyTimeoutMs = 20_000 } = options;
  const { channelTimeoutMs = 20_000, maxChannels = 8, maxLogins = 32 } = options;
  const logins = new Semaphore(maxLogins);
  const links = new Map<string, Promise<PooledConnection>>();
  const closing = new AbortController();

  async function connect(
    target: SshTarget,
    timeouts: Timeouts,
    signal?: AbortSignal,
  ): Promise<PooledConnection> {
    const key = keyOf(target);
    for (;;) {
      const known = links.get(key);
      const link = await orAbort(known ?? remember(key, open(target, timeouts)), signal);
      if (link.alive) return link;
      if (links.get(key) === known) links.delete(key);
    }
  }

  async function open(target: SshTarget, timeouts: Timeouts): Promise<PooledConnection> {
    const { signal } = closing;
    // The server begins its part while ssh2 is loaded here.
    const socket = target.jump
      ? dialThrough(target.jump, target, timeouts)
      : dial(target, timeouts.connectTimeoutMs, signal);
    socket.catch(() => {});
    const { login } = await import('./login.js');
    const { readyTimeoutMs } = timeouts;
    const made = await login(target, socket, { ...options, readyTimeoutMs, logins, signal });
    return linkOver(target, made, { maxChannels, channelTimeoutMs });
  }

  /** All machines behind a jump host share one connection to it. */
  async function dialThrough(jump: SshTarget, target: SshTarget, timeouts: Timeouts): Promise<Duplex> {
    const link = await connect(jump, timeouts, closing.signal).catch((error) => {
      throw error instanceof ConnectError ? jumpHostError(jump, target, error) : error;
    });
    return link.forward(target, { timeoutMs: timeouts.connectTimeoutMs, signal: closing.signal });
  }

  /** The try is everybody's: one who gives up waiting for it does not end it for the others. */
  function remember(key: string, opening: Promise<PooledConnection>): Promise<PooledConnection> {
    links.set(key, opening);
    opening.catch(() => {
      if (links.get(key) === opening) links.delete(key);
    });
    return opening;
  }

  return {
    connect: (target, { signal } = {}) => connect(target, { connectTimeoutMs, readyTimeoutMs }, signal),

    async waitFor(target, { timeoutMs, authRetryMs = 60_000, signal, onProblem }) {
      const begin = performance.now();
      const left = () => Math.max(1, Math.ceil(begin + timeoutMs - performance.now()));
      let obstacle = '';
      let lastOther = begin;
      for (let attempt = 0; ; attempt++) {
        try {
          const timeouts = {
            connectTimeoutMs: Math.min(attemptTimeout(attempt, connectTimeoutMs), left()),
            readyTimeoutMs: Math.min(readyTimeoutMs, left()),
          };
          return await connect(target, timeouts, signal);
        } catch (error) {
          if (!(error instanceof ConnectError)) throw error;
          const unknownKey = error.problem === 'authentication';
          if (!unknownKey) lastOther = performance.now();
          const authPatienceOver = unknownKey && performance.now() - lastOther > authRetryMs;
          const pauseMs = retryDelay(error, attempt);
          if (authPatienceOver || left() <= pauseMs)
            throw timeoutError(target, performance.now() - begin, error);
          if (error.detail !== obstacle) onProblem?.(error.detail);
          obstacle = error.detail;
          await pause(pauseMs, signal);
        }
      }
    },

    closeAll() {
      closing.abort();
      for (const link of links.values()) link.then((open) => open.close()).catch(() => {});
      links.clear();
    },
  };
}

interface Timeouts {
  connectTimeoutMs: number;
  readyTimeoutMs: number;
}

function keyOf({ name, user, host, port, keyPath = '', jump }: SshTarget): string {
  return JSON.stringify([name, user, host, port, keyPath, jump ? keyOf(jump) : '']);
}

/** The obstacle stands before the jump host, and holds up this machine. */
function jumpHostError(jump: SshTarget, target: SshTarget, cause: ConnectError): ConnectError {
  const { problem, detail, hint } = cause;
  return new ConnectError(target, problem, `jump host ${jump.host}: ${detail}`, {
    cause,
    ...(hint !== undefined && { hint }),
  });
}

/** An unused address does not respond at all: the first attempts time out early, later ones take longer. */
function attemptTimeout(attempt: number, mostMs: number): number {
  return Math.min(500 * 1.5 ** attempt, mostMs);
}

/**
 * 100 to 250 ms at first, growing to 2 s, with chance in it so that many machines are not asked in step. A failed
 * authentication waits longer: OpenSSH 9.8 and later shut out an address that fails three times within some seconds
 * (sshd_config(5), PerSourcePenalties).
 */
function retryDelay({ problem }: ConnectError, attempt: number): number {
  const baseMs = problem === 'authentication' ? 3000 : Math.min(100 * 1.3 ** attempt, 1000);
  return baseMs * (1 + Math.random());
}

function timeoutError(target: SshTarget, passedMs: number, last: ConnectError): ExternalError {
  const { detail, hint } = last;
  const seconds = Math.round(passedMs / 100) / 10;
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
