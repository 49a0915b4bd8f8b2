import type { Socket } from 'node:net';
import { Duplex, PassThrough, Transform, type TransformCallback, Writable } from 'node:stream';
import { ExternalError, isAbort, messageOf } from '../base/errors.js';
import { Pending, poll } from '../base/poll.js';
import type { Connection } from '../ssh/index.js';
import { EngineApi } from './api.js';
import { dockerProgram } from './remote-docker.js';

/**
 * `docker system dial-stdio` over SSH, as docker's `ssh://` hosts do: needs no open port and no
 * forwarding permission (https://docs.docker.com/engine/security/protect-access/).
 */
export function engineOf(connection: Connection): EngineApi {
  return new EngineApi(() => dial(connection));
}

function dial(connection: Connection): Duplex {
  const input = new PassThrough();
  const output = new SkipLoginBanner();
  const errors = new Collector();
  connection
    .stream(`${dockerProgram(connection.target.user)} system dial-stdio`, {
      stdin: input,
      stdout: output,
      stderr: errors,
    })
    .then(
      (code) => {
        if (code === 0) output.end();
        else
          output.destroy(new ExternalError(errors.text() || `docker system dial-stdio ended with ${code}`));
      },
      (error: Error) => output.destroy(error),
    );
  // Once the engine hangs up, close both directions so that the next request dials again.
  return Object.assign(Duplex.from({ writable: input, readable: output }), { allowHalfOpen: false });
}

/**
 * Connects a local client with the engine until either side ends. Each direction may end alone, as
 * at the end of the input of `docker exec -i`.
 * @throws NoChannelError before anything is read; ExternalError
 */
export async function serveEngine(socket: Socket, connection: Connection): Promise<void> {
  const closed = new AbortController();
  socket.once('close', () => closed.abort());
  const output = new SkipLoginBanner();
  output.pipe(socket, { end: false });
  const errors = new Collector();
  const { name, user } = connection.target;
  const code = await connection
    .stream(`${dockerProgram(user)} system dial-stdio`, {
      stdin: socket,
      stdout: output,
      stderr: errors,
      signal: closed.signal,
      noWait: true,
    })
    .catch((error) => {
      output.unpipe(socket);
      if (socket.destroyed) return 0;
      throw error;
    });
  if (code !== 0 && socket.bytesWritten === 0)
    throw new ExternalError(`${name}: ${errors.text() || `docker system dial-stdio ended with ${code}`}`);
  output.end(() => socket.end());
}

class Collector extends Writable {
  private readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.chunks).toString('utf8').trim();
  }
}

interface EngineWait {
  timeoutMs: number;
  signal: AbortSignal;
}

/** @returns the version @throws ExternalError on a timeout, with the end of the engine's journal */
export async function waitForEngine(
  connection: Connection,
  { timeoutMs, signal }: EngineWait,
): Promise<string> {
  const check = async (): Promise<string | Pending> => {
    try {
      return await engineVersion(connection, signal);
    } catch (error) {
      signal.throwIfAborted();
      return new Pending(messageOf(error));
    }
  };
  return poll(check, {
    timeoutMs,
    signal,
    onTimeout: async (reason) => {
      throw await timeoutError(connection, reason, signal);
    },
  });
}

async function engineVersion(connection: Connection, signal: AbortSignal): Promise<string> {
  using api = engineOf(connection);
  return await api.version({ timeoutMs: 10_000, signal });
}

async function timeoutError(
  connection: Connection,
  cause: string,
  signal: AbortSignal,
): Promise<ExternalError> {
  const journal = await lastJournalLines(connection, signal);
  return new ExternalError(
    `the engine on ${connection.target.name} does not respond: ${cause}${journal && `\n${journal}`}`,
  );
}

/** Best effort: a missing journal must not hide the original error. */
async function lastJournalLines(connection: Connection, signal: AbortSignal): Promise<string> {
  try {
    const limits = { timeoutMs: 5_000, signal };
    return (await connection.run('journalctl -u docker -n 5 --no-pager -o cat', limits)).stdout.trim();
  } catch (error) {
    if (isAbort(error)) throw error;
    return '';
  }
}

const responseStart = Buffer.from('HTTP/1.');

/** Drops what a login shell prints before the engine's first response. */
export class SkipLoginBanner extends Transform {
  private waiting: Buffer | undefined = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    if (this.waiting === undefined) {
      done(null, chunk);
      return;
    }
    const seen = Buffer.concat([this.waiting, chunk]);
    const at = seen.indexOf(responseStart);
    this.waiting = at === -1 ? seen.subarray(-responseStart.length) : undefined;
    if (at === -1) done();
    else done(null, seen.subarray(at));
  }
}
