import { PassThrough, Readable, Writable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { AbortError, ExternalError } from '../../../src/base/errors.js';
import { LineSplitter } from '../../../src/base/line-splitter.js';
import { ConnectionLost } from '../../../src/ssh/connection-types.js';
import type { Connection, SshOptions } from '../../../src/ssh/index.js';
import { recordFault } from '../../lab/record-fault.js';
import { type Command, finish, type Peer, type PeerOptions, startPeer } from './ssh-peer.js';

let peer: Peer;
afterEach(() => peer.close());

async function connectTo(options: PeerOptions, change: Partial<SshOptions> = {}): Promise<Connection> {
  peer = await startPeer(options);
  return peer.ssh(change).connect(peer.target());
}

async function failure(work: Promise<unknown>): Promise<Error & { hint?: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

/** A stream that keeps what is written to it. */
class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

describe('run', () => {
  test('run keeps stdout and stderr separate, and a failing command is a result', async () => {
    const connection = await connectTo({
      run(channel, command) {
        channel.write(`out of ${command}\n`);
        channel.stderr.write('err ü\n');
        finish(channel, 3);
      },
    });
    expect(await connection.run('false')).toEqual({ code: 3, stdout: 'out of false\n', stderr: 'err ü\n' });
  });

  test('run writes the standard input and ends it', async () => {
    const connection = await connectTo({
      run: echo,
    });
    expect(await connection.run('cat', { stdin: 'hello' })).toEqual({
      code: 5,
      stdout: 'hello',
      stderr: 'done',
    });
    expect((await connection.run('cat')).stdout).toBe('');
  });

  test('run returns the exit code of a signal as shells do', async () => {
    const connection = await connectTo({
      run(channel) {
        channel.exit('KILL', false, '');
        channel.end();
      },
    });
    expect((await connection.run('true')).code).toBe(137);
  });

  test('a channel that closes without an exit code is an error', async () => {
    const connection = await connectTo({ run: (channel) => channel.end() });
    const error = await failure(connection.run('true'));
    expect(error).toEqual(new ExternalError('node1: the command ended without an exit code'));
  });

  test('a connection runs at most eight commands at a time, and all finish', async () => {
    const connection = await connectTo({
      run(channel, command) {
        setImmediate(() => {
          channel.write(command);
          finish(channel, 0);
        });
      },
    });
    const names = Array.from({ length: 50 }, (_, n) => `command ${n}`);
    const results = await Promise.all(names.map((name) => connection.run(name)));
    expect(results.map(({ stdout }) => stdout)).toEqual(names);
    expect(peer.counts.mostChannels).toBe(8);
    expect(peer.counts.connections).toBe(1);
  });

  test('a server that allows fewer channels gets fewer', async () => {
    const connection = await connectTo({
      maxSessions: 3,
      run(channel, command) {
        setTimeout(() => {
          channel.write(command);
          finish(channel, 0);
        }, 5);
      },
    });
    const names = Array.from({ length: 20 }, (_, n) => `command ${n}`);
    const results = await Promise.all(names.map((name) => connection.run(name)));
    expect(results.map(({ stdout }) => stdout)).toEqual(names);
  });

  test('a server that allows no channel is an error', async () => {
    const connection = await connectTo({ maxSessions: 0 });
    expect((await failure(connection.run('true'))).message).toMatch(
      /^node1: the server refuses to run commands: .*open fail/i,
    );
  });

  test('run ends on a timeout, and the connection stays open', async () => {
    const connection = await connectTo({
      run: (channel, command) => command === 'true' && finish(channel, 0),
    });
    const error = await failure(connection.run('hang', { timeoutMs: 50 }));
    expect(error).toEqual(new ExternalError('node1: the command did not finish within 0.05 s'));
    expect((await connection.run('true')).code).toBe(0);
  });

  test('run ends on an interruption', async () => {
    const stop = new AbortController();
    const connection = await connectTo({ run: () => stop.abort() });
    expect(await failure(connection.run('hang', { signal: stop.signal }))).toBeInstanceOf(AbortError);
    expect(await failure(connection.run('never', { signal: stop.signal }))).toBeInstanceOf(AbortError);
  });

  test('a connection lost during a command is an error that says so', async () => {
    const connection = await connectTo({ run: () => peer.cut() });
    const error = await failure(connection.run('docker info'));
    expect(error).toBeInstanceOf(ConnectionLost);
    expect(error.message).toMatch(/^node1: the connection was lost while a command ran/);
    expect(error.hint).toBe('check whether the command still runs on the machine');
  });

  test('a server that opens no more channels counts as lost', async () => {
    const connection = await connectTo({ silent: true }, { channelTimeoutMs: 100 });
    const error = await failure(connection.run('true'));
    expect(error.message).toBe(
      'node1: the connection was lost while a command ran: it did not answer for 0.1 s',
    );
  });

  test('endless output is truncated', async () => {
    const connection = await connectTo({
      run: (channel) => {
        channel.on('error', () => {});
        new Readable({ read: flood(100) }).pipe(channel);
      },
    });
    const error = await failure(connection.run('yes'));
    expect(error).toEqual(new ExternalError('node1: the command printed more than 64 MiB'));
  });
});

describe('stream', () => {
  test('stream connects the streams, passes on the end of the input, and returns the exit code', async () => {
    const connection = await connectTo({ run: echo });
    const [stdout, stderr] = [new Sink(), new Sink()];
    const code = await connection.stream('cat', { stdin: Readable.from(['one ', 'two']), stdout, stderr });
    expect([code, stdout.text, stderr.text]).toEqual([5, 'one two', 'done']);
    expect(stdout.writableEnded).toBe(false);
  });

  test('stream without an input gives the command an empty one', async () => {
    const connection = await connectTo({ run: echo });
    const stdout = new Sink();
    expect(await connection.stream('cat', { stdout, stderr: new Sink() })).toBe(5);
    expect(stdout.text).toBe('');
  });

  test('a command that exits early leaves the input unread and does not hang', async () => {
    const connection = await connectTo({ run: (channel) => finish(channel, 0) });
    const stdin = new PassThrough();
    let released = false;
    Object.assign(stdin, {
      unref: () => {
        released = true;
      },
    });
    expect(await connection.stream('true', { stdin, stdout: new Sink(), stderr: new Sink() })).toBe(0);
    expect([released, stdin.isPaused(), stdin.readableEnded, stdin.listenerCount('data')]).toEqual([
      true,
      true,
      false,
      0,
    ]);
  });

  test('stream forwards signals until the command exits', async () => {
    const signals: string[] = [];
    let deliver = (_name: string) => {};
    const connection = await connectTo({
      run(channel, _command, { onSignal }) {
        onSignal((name) => {
          signals.push(name);
          if (name === 'TERM') finish(channel, 143);
          else deliver('TERM');
        });
        channel.write('ready');
      },
    });
    const code = await connection.stream('sleep 100', {
      stdin: new PassThrough(),
      stdout: new PassThrough().once('data', () => deliver('INT')),
      stderr: new Sink(),
      onSignal(listener) {
        deliver = listener;
        return () => {
          deliver = () => signals.push('unsubscribed');
        };
      },
    });
    deliver('INT');
    expect([code, signals]).toEqual([143, ['INT', 'TERM', 'unsubscribed']]);
  });

  test('an interruption sends SIGHUP', async () => {
    const stop = new AbortController();
    let hangUp = (_name: string) => {};
    const signalled = new Promise<string>((resolve) => {
      hangUp = resolve;
    });
    const connection = await connectTo({
      run(_channel, _command, { onSignal }) {
        onSignal(hangUp);
        stop.abort();
      },
    });
    const options = {
      stdin: new PassThrough(),
      stdout: new Sink(),
      stderr: new Sink(),
      signal: stop.signal,
    };
    expect(await failure(connection.stream('sleep', options))).toBeInstanceOf(AbortError);
    expect(await signalled).toBe('HUP');
  });

  test('a connection lost under load is an error, not a crash', async () => {
    const connection = await connectTo({
      run: (channel) => channel.once('data', () => peer.cut()),
    });
    const stdin = new Readable({ read: flood(50) });
    const error = await failure(
      connection.stream('docker load', { stdin, stdout: new Sink(), stderr: new Sink() }),
    );
    expect(error.message).toMatch(/^node1: the connection was lost while a command ran/);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'a connection is lost under load',
      lost: 'the command that ran',
    });
  });

  test('closing the output ends the command, with the exit code of a broken pipe', async () => {
    const connection = await connectTo({
      run: (channel) => {
        channel.on('error', () => {});
        new Readable({ read: flood(100_000) }).pipe(channel);
      },
    });
    const stdout = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));
      },
    });
    expect(await connection.stream('yes', { stdout, stderr: new Sink() })).toBe(141);
  });

  test('an output that a sink refuses ends the command, with the error of the sink', async () => {
    const connection = await connectTo({
      run: (channel) => {
        channel.on('error', () => {});
        new Readable({ read: flood(100_000) }).pipe(channel);
      },
    });
    const stdout = new LineSplitter(() => {});
    const error = await failure(connection.stream('cat /dev/zero', { stdout, stderr: new Sink() }));
    expect(error).toEqual(new ExternalError('a line of the output is longer than 8 MiB'));
  });

  test('stream copies 200 MB in each direction within a few MB of memory', async () => {
    const connection = await connectTo({
      run(channel) {
        channel.on('data', (chunk: Buffer) => {
          arrived += chunk.length;
        });
        channel.on('end', () => {
          const out = new Readable({
            read: flood(200, (bytes) => {
              sent += bytes;
              note(sent - received);
            }),
          });
          out.on('end', () => finish(channel, 0));
          out.pipe(channel, { end: false });
        });
      },
    });
    let arrived = 0;
    let sent = 0;
    let produced = 0;
    let received = 0;
    let furthestAhead = 0;
    const note = (ahead: number) => {
      furthestAhead = Math.max(furthestAhead, ahead);
    };
    const stdin = new Readable({
      read: flood(200, (bytes) => {
        produced += bytes;
        note(produced - arrived);
      }),
    });
    const stdout = new Writable({
      write(chunk: Buffer, _encoding, done) {
        received += chunk.length;
        setImmediate(done);
      },
    });
    const code = await connection.stream('cat', { stdin, stdout, stderr: new Sink() });
    expect([code, produced, arrived, sent, received]).toEqual([0, 200 * mb, 200 * mb, 200 * mb, 200 * mb]);
    // A window of 2 MiB, the buffers at both ends, and the loopback interface's buffers.
    expect(furthestAhead).toBeLessThan(16 * mb);
  }, 60_000);

  test('an output that is not read slows down the sender', async () => {
    let sent = 0;
    const connection = await connectTo({
      run: (channel) => {
        channel.on('error', () => {});
        new Readable({ read: flood(100, (bytes) => (sent += bytes)) }).pipe(channel);
      },
    });
    const stop = new AbortController();
    const stdout = new Writable({ write: () => {} });
    const stream = failure(connection.stream('yes', { stdout, stderr: new Sink(), signal: stop.signal }));
    let before = -1;
    while (sent !== before || sent === 0) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(sent).toBeLessThan(16 * mb);
    stop.abort();
    expect(await stream).toBeInstanceOf(AbortError);
  });
});

const mb = 1_000_000;

/** A `read` for Readable that returns this many megabytes, one at a time, and then ends. */
function flood(megabytes: number, count: (bytes: number) => void = () => {}) {
  let left = megabytes;
  return function (this: Readable) {
    if (left-- <= 0) return this.push(null);
    count(mb);
    return this.push(Buffer.alloc(mb, 'x'));
  };
}

const echo: Command = (channel) => {
  channel.on('end', () => {
    channel.stderr.write('done');
    finish(channel, 5);
  });
  channel.pipe(channel, { end: false });
};
