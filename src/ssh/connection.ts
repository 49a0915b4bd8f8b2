import { Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { AbortError, ExternalError } from '../base/errors.js';
import { quoteArgs } from '../base/quote-args.js';
import { type CommandSession, startSession } from './command-session.js';
import type { Connection, Pty, SshTarget, StreamOptions } from './connection-types.js';
import { forward } from './forward.js';
import type { LoggedInClient } from './login.js';
import { Semaphore } from './semaphore.js';

export interface ChannelLimits {
  /** Commands at a time; sshd's own limit (MaxSessions) is 10. */
  maxChannels: number;
  /** How long the server may take to open a channel before the connection counts as dead. */
  channelTimeoutMs: number;
}

/** A connection that knows whether it still is one. */
export interface PooledConnection extends Connection {
  readonly alive: boolean;
  /** A stream to `host` and `port` as seen from there. @throws ConnectError, AbortError */
  forward(target: SshTarget, limits: { timeoutMs: number; signal: AbortSignal }): Promise<Duplex>;
}

/** What `run` keeps of a command's output, in bytes, before it calls the command out of hand. */
const maxOutput = 64 * 1024 * 1024;
/** 128 + SIGPIPE: what a shell says of a command whose reader has gone. */
const outputClosedCode = 141;
/** How long a closed connection may take to say goodbye. */
const closeTimeoutMs = 2000;

export function linkOver(
  target: SshTarget,
  { client, socket }: LoggedInClient,
  { maxChannels, channelTimeoutMs }: ChannelLimits,
): PooledConnection {
  const slots = new Semaphore(maxChannels);
  let alive = true;
  let reason = '';
  client.on('error', (error) => {
    reason ||= ` (${error.message})`;
  });
  const onEnd = () => {
    alive = false;
  };
  client.once('end', onEnd).once('close', onEnd);

  /** Runs a command in the next free channel. `attach` connects what it reads and writes, and returns what undoes that. */
  async function execute(command: string, limits: Limits, attach: Attach): Promise<number> {
    for (;;) {
      const release = await slots.acquire(limits.signal);
      try {
        return await executeNow(command, limits, attach);
      } catch (error) {
        // A server with a lower limit than belt's own: wait for one of the other channels, and ask for fewer from now on.
        if (!(error instanceof ChannelRefused) || !slots.shrinkBelowUsage()) throw error;
      } finally {
        release();
      }
    }
  }

  async function executeNow(command: string, limits: Limits, attach: Attach): Promise<number> {
    const stop = new AbortController();
    const release = stopAt(stop, limits);
    let detach: (() => void) | undefined;
    try {
      const session = await open(command, limits, stop.signal, (opened) => {
        detach = attach(opened, stop);
      });
      return await outcome(session, limits, stop.signal);
    } finally {
      detach?.();
      release();
    }
  }

  function stopAt(stop: AbortController, { timeoutMs, signal }: Limits): () => void {
    const onAbort = () => stop.abort(new AbortError());
    const onTimeout = () =>
      stop.abort(
        new ExternalError(`${target.name}: the command did not finish within ${(timeoutMs ?? 0) / 1000} s`),
      );
    const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    return () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  }

  function open(
    command: string,
    { pty, killSignal }: Limits,
    stopped: AbortSignal,
    opened: (session: CommandSession) => void,
  ): Promise<CommandSession> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        client.destroy();
        give(lost(`it did not answer for ${channelTimeoutMs / 1000} s`));
      }, channelTimeoutMs);
      let waiting = true;
      const settle = () => {
        waiting = false;
        clearTimeout(timer);
        stopped.removeEventListener('abort', onStop);
      };
      const give = (error: unknown) => {
        settle();
        reject(error);
      };
      const onStop = () => give(stopped.reason);
      stopped.addEventListener('abort', onStop, { once: true });

      startSession(
        client,
        { user: target.user, command, pty },
        (session) => {
          if (!waiting) return void session.abandon(killSignal).catch(() => {});
          settle();
          opened(session);
          resolve(session);
        },
        (error) => give(alive ? refused(error) : lost()),
      );
    });
  }

  function outcome(session: CommandSession, { killSignal }: Limits, stopped: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      const onStop = async () => {
        if (alive) await session.abandon(killSignal).catch(() => {});
        reject(stopped.reason);
      };
      if (stopped.aborted) return void onStop();
      stopped.addEventListener('abort', onStop, { once: true });
      session.ended.then((code) => {
        if (stopped.aborted) return;
        stopped.removeEventListener('abort', onStop);
        if (code !== undefined) resolve(code);
        else
          reject(
            alive ? new ExternalError(`${target.name}: the command ended without an exit code`) : lost(),
          );
      });
    });
  }

  function lost(why?: string): ExternalError {
    return new ExternalError(
      `${target.name}: the connection was lost while a command ran${why ? `: ${why}` : reason}`,
      { hint: 'check whether the command still runs on the machine' },
    );
  }

  function refused(error: Error): ExternalError {
    const message = `${target.name}: the server runs no command: ${error.message}`;
    return 'reason' in error
      ? new ChannelRefused(message, { cause: error })
      : new ExternalError(message, { cause: error });
  }

  return {
    target,
    get alive() {
      return alive;
    },

    async run(command, { stdin, ...limits } = {}) {
      const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      const code = await execute(command, { ...limits, killSignal: 'TERM' }, ({ channel }, stop) => {
        let bytes = 0;
        const into = (chunks: Buffer[]) => (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxOutput) return stop.abort(tooMuch(target));
          chunks.push(chunk);
        };
        channel.on('data', into(output.stdout));
        channel.stderr.on('data', into(output.stderr));
        channel.end(stdin);
        return () => {};
      });
      return {
        code,
        stdout: Buffer.concat(output.stdout).toString(),
        stderr: Buffer.concat(output.stderr).toString(),
      };
    },

    async stream(command, options) {
      const { stdout, stderr } = options;
      try {
        const code = await execute(command, limitsOf(options), (session, stop) =>
          connectStreams(session, options, stop),
        );
        await Promise.all([flushed(stdout), flushed(stderr)]);
        return code;
      } catch (error) {
        if (error instanceof OutputClosed) return outputClosedCode;
        throw error;
      }
    },

    async write(path, content, mode) {
      const bytes = Buffer.from(content);
      const { code, stderr } = await this.run(writeCommand(path, bytes.length, mode), {
        stdin: bytes,
        timeoutMs: 60_000,
      });
      if (code === 0) return;
      throw new ExternalError(
        `${target.name}: cannot write ${path}: ${stderr.trim() || `exit code ${code}`}`,
      );
    },

    forward: (to, limits) => forward(client, target, to, limits),

    close() {
      alive = false;
      client.end();
      // A server that is gone must not keep the program waiting.
      if (socket instanceof Socket) socket.unref();
      setTimeout(() => socket.destroy(), closeTimeoutMs).unref();
    },
  };
}

interface Limits {
  pty?: Pty;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** The signal that a command gets when it is given up. */
  killSignal: 'TERM' | 'HUP';
}

type Attach = (session: CommandSession, stop: AbortController) => () => void;

/** The server opens no further channel at the moment. */
class ChannelRefused extends ExternalError {}

/** The reader of the output closed it, as in `belt docker logs web | head`. */
class OutputClosed extends Error {}

function tooMuch(target: SshTarget): ExternalError {
  return new ExternalError(`${target.name}: the command printed more than ${maxOutput / 1024 / 1024} MiB`);
}

function limitsOf({ pty, signal }: StreamOptions): Limits {
  return { killSignal: 'HUP', ...(pty && { pty }), ...(signal && { signal }) };
}

/** Pipes pass the pressure on in both directions; a channel's window (2 MiB) is the most that is ever in memory. */
function connectStreams(
  session: CommandSession,
  { stdin, stdout, stderr, pty, onSignal }: StreamOptions,
  stop: AbortController,
): () => void {
  const { channel } = session;
  const onReaderGone = () => stop.abort(new OutputClosed());
  stdout.once('error', onReaderGone);
  stderr.once('error', onReaderGone);
  channel.pipe(stdout, { end: false });
  channel.stderr.pipe(stderr, { end: false });

  const endInput = () => channel.end();
  if (stdin && !stdin.destroyed) {
    stdin.once('error', endInput);
    stdin.once('close', endInput);
    stdin.pipe(channel);
  } else {
    endInput();
  }

  const stopResizing = pty?.onResize((columns, rows) => session.resize(columns, rows));
  const stopSignals = onSignal?.((name) => void session.signal(name).catch(() => {}));
  return () => {
    stopResizing?.();
    stopSignals?.();
    stdout.off('error', onReaderGone);
    stderr.off('error', onReaderGone);
    stdin?.off('error', endInput).off('close', endInput).unpipe(channel);
    if (stdin) letGo(stdin);
  };
}

/** The command may end while the user could still type; that input is no longer read. */
function letGo(stdin: Readable): void {
  stdin.pause();
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
}

/** What was written may still be on its way into a pipe, and would be cut off when the program ends. */
function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) return resolve();
    stream.write('', () => resolve());
  });
}

/**
 * Writes beside the file and moves it into place. The length is checked, since a connection that breaks looks to `cat` like
 * the end of the input.
 */
function writeCommand(path: string, length: number, mode: number): string {
  const file = quoteArgs([path]);
  return [
    `umask 077; file=${file}; new="$file.$$.new"`,
    'if [ -d "$file" ]; then echo "is a folder" >&2; exit 1; fi',
    `trap 'rm -f "$new"' EXIT`,
    'cat > "$new" || exit 1',
    `if [ "$(wc -c < "$new")" -ne ${length} ]; then echo "the connection broke" >&2; exit 1; fi`,
    `chmod ${mode.toString(8).padStart(4, '0')} "$new" && mv -f "$new" "$file"`,
  ].join('\n');
}
