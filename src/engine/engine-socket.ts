import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reach, sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { messageOf } from '../base/errors.js';
import type { Machine } from '../machines/model/machine.js';
import { type Connection, NoChannelError } from '../ssh/index.js';
import { serveEngine } from './connect-engine.js';

export interface EngineSocket extends AsyncDisposable {
  path: string;
}

/** Unix sockets have shorter paths than files: 104 bytes on macOS, 108 on Linux. */
const maxPathLength = 100;

/**
 * A Unix socket for this user alone. Each of its connections is a channel to the engine, over belt's
 * SSH connection. @throws as `reach`
 */
export async function openEngineSocket(machine: Machine, context: Context): Promise<EngineSocket> {
  const first = await reach(machine, context);
  const folder = await mkdtemp(join(socketParent(), 'belt-docker-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also when a second signal ends belt at once.
  process.once('exit', remove);
  const path = join(folder, 'engine.sock');
  const sockets = new Set<Socket>();
  const connections = new Connections(first, machine, context);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    // A client that leaves early is not an error.
    socket.on('error', () => {});
    connections.serve(socket).catch((error) => socket.end(failedResponse(error)));
  });
  await listen(server, path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      process.off('exit', remove);
      remove();
    },
  };
}

function socketParent(): string {
  const folder = tmpdir();
  return folder.length + '/belt-docker-XXXXXX/engine.sock'.length <= maxPathLength ? folder : '/tmp';
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}

/** SSH servers limit the channels of a connection, and `docker compose up` needs one per container. */
class Connections {
  private readonly opened: Promise<Connection>[];

  constructor(
    first: Connection,
    private readonly machine: Machine,
    private readonly context: Context,
  ) {
    this.opened = [Promise.resolve(first)];
  }

  async serve(socket: Socket): Promise<void> {
    for (let copy = 0; ; copy++) {
      const isNew = copy === this.opened.length;
      const connection = await (this.opened[copy] ?? this.open(copy));
      try {
        return await serveEngine(socket, connection);
      } catch (error) {
        if (isNew || !(error instanceof NoChannelError)) throw error;
      }
    }
  }

  private open(copy: number): Promise<Connection> {
    const { signal } = this.context;
    const connecting = this.context
      .ssh()
      .then((ssh) => ssh.connect(sshTarget(this.machine), { signal, copy }));
    this.opened.push(connecting);
    return connecting;
  }
}

/** The client shows the message. */
function failedResponse(error: unknown): string {
  const body = JSON.stringify({ message: messageOf(error) });
  const headers = ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
  return ['HTTP/1.1 502 Bad Gateway', ...headers, 'Connection: close', '', body].join('\r\n');
}
