import { constants } from 'node:os';
import type { Client, ClientChannel } from 'ssh2';
import type { Pty } from './connection-types.js';
import { type SignallableCommand, signallable } from './remote-signals.js';

/** One command that runs in a channel of its own. */
export interface CommandSession {
  readonly channel: ClientChannel;
  /** The exit code once all output was read; `undefined` when the channel closed without one. */
  readonly ended: Promise<number | undefined>;
  signal(name: string): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Sends the signal, closes the channel and throws away what still comes. */
  abandon(signalName: string): Promise<void>;
}

/**
 * Opens the channel and starts the command. `started` is called in the same turn in which the server agrees: the whole of a
 * short command's life may come in one packet, and ssh2 tells of its end at once, listener or not.
 */
export function startSession(
  client: Client,
  { user, command, pty }: { user: string; command: string; pty: Pty | undefined },
  started: (session: CommandSession) => void,
  failed: (error: Error) => void,
): void {
  const reachable = signallable(client, user, command);
  const options = pty ? { pty: { term: pty.term, cols: pty.columns, rows: pty.rows } } : {};
  try {
    client.exec(reachable.command, options, (error, channel) => {
      if (error) failed(error);
      else started(sessionOn(channel, reachable.deliver));
    });
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
  }
}

function sessionOn(channel: ClientChannel, deliver: SignallableCommand['deliver']): CommandSession {
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
    ended: endOf(channel),
    async signal(name) {
      if (running) await deliver(channel, name);
    },
    resize(columns, rows) {
      channel.setWindow(rows, columns, 0, 0);
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

function endOf(channel: ClientChannel): Promise<number | undefined> {
  return new Promise((resolve) => {
    let exit: number | undefined;
    let waitingFor = 2;
    const one = () => {
      waitingFor--;
      if (waitingFor === 0) resolve(exit);
    };
    channel.on('exit', (code: number | null, signalName?: string) => {
      exit = code ?? 128 + signalNumber(signalName);
    });
    channel.once('close', one);
    channel.stderr.once('end', one);
  });
}

function signalNumber(name: string | undefined): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return numbers[name ?? ''] ?? 0;
}
