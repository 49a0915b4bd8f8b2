import { Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { AbortError, ExternalError } from '../base/errors.js';
import { quoteArgs } from '../base/quote-args.js';
import { type CommandSession, startSession } from './command-session.js';
import {
  type Connection,
  ConnectionLost,
  Disconnected,
  NoChannelError,
  type Pty,
  type SshTarget,
  type StreamOptions,
} from './connection-types.js';
import { forward } from './forward.js';
import type { LoggedInClient } from './login.js';
import { Semaphore } from './semaphore.js';

interface ChannelLimits {
  /** Concurrent commands; sshd's own limit (MaxSessions) is 10. */
  maxChannels: number;
  /** For opening a channel, before the connection counts as dead. */
  channelTimeoutMs: number;
}

export interface PooledConnection extends Connection {
  readonly alive: boolean;
  /** A stream to `host` and `port` as seen from the target. @throws ConnectError, AbortError */
  forward(target: SshTarget, limits: { timeoutMs: number; signal: AbortSignal }): Promise<Duplex>;
}

/** The most output that `run` collects, in bytes. */
const maxOutput = 64 * 1024 * 1024;
/** 128 + SIGPIPE: a shell's exit code for a command whose reader has exited. */
const outputClosedCode = 141;
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

  /** Waits for a free channel. `attach` connects the command's streams and returns a cleanup. */
  async function execute(command: string, limits: Limits, attach: Attach): Promise<number> {
    for (;;) {
      if (limits.noWait && slots.isFull) throw new NoChannelError(`${target.name}: all channels are in use`);
      const release = await slots.acquire(limits.signal);
      try {
        return await executeNow(command, limits, attach);
      } catch (error) {
        // The server allows fewer channels: wait for one, and use fewer from now on.
        if (!(error instanceof NoChannelError) || !slots.shrinkBelowUsage()) throw error;
      } finally {
        release();
      }
    }
  }

  async function executeNow(command: string, limits: Limits, attach: Attach): Promise<number> {
    const stop = new AbortController();
    const release = stopAt(stop, target, limits);
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

  function open(
    command: string,
    { pty, killSignal }: Limits,
    stopped: AbortSignal,
    opened: (session: CommandSession) => void,
  ): Promise<CommandSession> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        client.destroy();
        fail(lost(`it did not answer for ${channelTimeoutMs / 1000} s`));
      }, channelTimeoutMs);
      let waiting = true;
      const settle = () => {
        waiting = false;
        clearTimeout(timer);
        stopped.removeEventListener('abort', onStop);
      };
      const fail = (error: unknown) => {
        settle();
        reject(error);
      };
      const onStop = () => fail(stopped.reason);
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
        (error) => fail(alive ? refused(error) : lost()),
      );
    });
  }

  function outcome(session: CommandSession, { killSignal }: Limits, stopped: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      const onStop = async () => {
        if (stopped.reason instanceof Disconnected) client.destroy();
        else if (alive) await session.abandon(killSignal).catch(() => {});
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

  function lost(why?: string): ConnectionLost {
    return new ConnectionLost(
      `${target.name}: the connection was lost while a command ran${why ? `: ${why}` : reason}`,
      { hint: 'check whether the command still runs on the machine' },
    );
  }

  function refused(error: Error): ExternalError {
    const message = `${target.name}: the server refuses to run commands: ${error.message}`;
    return 'reason' in error
      ? new NoChannelError(message, { cause: error })
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
        const collectInto = (chunks: Buffer[]) => (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxOutput) return stop.abort(outputLimitError(target));
          chunks.push(chunk);
        };
        channel.on('data', collectInto(output.stdout));
        channel.stderr.on('data', collectInto(output.stderr));
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
      // An unresponsive server must not keep the process running.
      if (socket instanceof Socket) socket.unref();
      setTimeout(() => socket.destroy(), closeTimeoutMs).unref();
    },
  };
}

interface Limits {
  pty?: Pty;
  timeoutMs?: number;
  signal?: AbortSignal;
  noWait?: boolean;
  /** Sent to an abandoned command. */
  killSignal: 'TERM' | 'HUP';
}

type Attach = (session: CommandSession, stop: AbortController) => () => void;

/** The reader of the output closed it, as in `belt docker logs web | head`. */
class OutputClosed extends Error {}

function outputLimitError(target: SshTarget): ExternalError {
  return new ExternalError(`${target.name}: the command printed more than ${maxOutput / 1024 / 1024} MiB`);
}

function limitsOf({ pty, signal, noWait = false }: StreamOptions): Limits {
  return { killSignal: 'HUP', noWait, ...(pty && { pty }), ...(signal && { signal }) };
}

/** Aborts `stop` at the timeout or on the signal, until the returned function is called. */
function stopAt(stop: AbortController, { name }: SshTarget, { timeoutMs, signal }: Limits): () => void {
  const onAbort = () => stop.abort(signal?.reason instanceof Disconnected ? signal.reason : new AbortError());
  const onTimeout = () =>
    stop.abort(new ExternalError(`${name}: the command did not finish within ${(timeoutMs ?? 0) / 1000} s`));
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
}

/** Backpressure applies in both directions: memory holds at most a channel's window (2 MiB). */
function connectStreams(
  session: CommandSession,
  { stdin, stdout, stderr, pty, onSignal }: StreamOptions,
  stop: AbortController,
): () => void {
  const { channel } = session;
  const onReaderGone = (error: Error) =>
    stop.abort(error instanceof ExternalError ? error : new OutputClosed());
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

  pty?.onStart?.(session);
  const stopResizing = pty?.onResize((columns, rows) => session.resize(columns, rows));
  const stopSignals = onSignal?.((name) => void session.signal(name).catch(() => {}));
  return () => {
    stopResizing?.();
    stopSignals?.();
    stdout.off('error', onReaderGone);
    stderr.off('error', onReaderGone);
    stdin?.off('error', endInput).off('close', endInput).unpipe(channel);
    if (stdin) releaseInput(stdin);
  };
}

/** A command may end before its input does: stdin must not keep the process running. */
function releaseInput(stdin: Readable): void {
  stdin.pause();
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
}

/** Output still on its way into a pipe would be lost when the process exits. */
function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) return resolve();
    stream.write('', () => resolve());
  });
}

/** Atomic. Checks the length, since `cat` sees a broken connection as the end of the input. */
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
