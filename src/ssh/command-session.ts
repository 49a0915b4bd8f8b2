import { constants } from 'node:os';
import type { Client, ClientChannel } from 'ssh2';
import type { Pty } from './connection-types.js';
import { type SignallableCommand, signallable } from './remote-signals.js';

/** A command running in its own channel. */
export interface CommandSession {
  readonly channel: ClientChannel;
  /** The exit code after all output was read; undefined when the channel closed without one. */
  readonly ended: Promise<number | undefined>;
  signal(name: string): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Sends a keepalive request. */
  isResponding(timeoutMs: number): Promise<boolean>;
  /** Sends the signal, closes the channel and discards further output. */
  abandon(signalName: string): Promise<void>;
}

/** Calls `started` synchronously, since a short command may start and end in one packet. */
export function startSession(
  client: Client,
  { user, command, pty }: { user: string; command: string; pty: Pty | undefined },
  started: (session: CommandSession) => void,
  failed: (error: Error) => void,
): void {
  const signallableCommand = signallable(client, user, command);
  const options = pty ? { pty: { term: pty.term, cols: pty.columns, rows: pty.rows } } : {};
  try {
    client.exec(signallableCommand.command, options, (error, channel) => {
      if (error) failed(error);
      else started(sessionOn(client, channel, signallableCommand.deliver));
    });
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
  }
}

function sessionOn(
  client: Client,
  channel: ClientChannel,
  deliver: SignallableCommand['deliver'],
): CommandSession {
  // Writing to a command that has ended is not a failure.
  channel.on('error', () => {});
  let running = true;
  channel.once('exit', () => {
    running = false;
  });
  channel.once('close', () => {
    running = false;
  });

  const session: CommandSession = {
    channel,
    ended: exitCodeOf(channel),
    async signal(name) {
      if (running) await deliver(channel, name);
    },
    resize(columns, rows) {
      channel.setWindow(rows, columns, 0, 0);
    },
    isResponding(timeoutMs) {
      // As ssh2's own keepalive does, which has no callback.
      const { _protocol: protocol, _callbacks: callbacks } = client as unknown as PingableClient;
      return new Promise((resolve) => {
        setTimeout(() => resolve(false), timeoutMs).unref();
        callbacks.push(() => resolve(true));
        protocol.ping();
      });
    },
    async abandon(signalName) {
      channel.unpipe().resume();
      channel.stderr.unpipe().resume();
      await session.signal(signalName);
      channel.close();
    },
  };
  return session;
}

interface PingableClient {
  _protocol: { ping(): void };
  /** Of global requests, in order. */
  _callbacks: (() => void)[];
}

function exitCodeOf(channel: ClientChannel): Promise<number | undefined> {
  return new Promise((resolve) => {
    let exit: number | undefined;
    let waitingFor = 2;
    const countDown = () => {
      waitingFor--;
      if (waitingFor === 0) resolve(exit);
    };
    channel.on('exit', (code: number | null, signalName?: string) => {
      exit = code ?? 128 + signalNumber(signalName);
    });
    channel.once('close', countDown);
    channel.stderr.once('end', countDown);
  });
}

function signalNumber(name: string | undefined): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return numbers[name ?? ''] ?? 0;
}
