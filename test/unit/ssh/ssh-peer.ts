import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Algorithms, type ServerChannel } from 'ssh2';
import type { SshTarget } from '../../../src/ssh/index.js';
import {
  generateKeyPair,
  openKnownHosts,
  openSsh,
  type Ssh,
  type SshOptions,
} from '../../../src/ssh/index.js';

/**
 * ssh2's server on the loopback interface, with a folder for keys and known_hosts. Call `close` at
 * the end.
 */
export interface Peer {
  folder: string;
  port: number;
  hostKey: { privateKey: string; publicKey: string };
  target(change?: Partial<SshTarget>): SshTarget;
  /** A client whose known_hosts file is `<folder>/known_hosts`; closed with the server. */
  ssh(change?: Partial<SshOptions>): Ssh;
  /** Connections so far, open channels, and their maximum. */
  counts: { connections: number; channels: number; mostChannels: number };
  /** Drops every connection without a message. */
  cut(): void;
  close(): Promise<void>;
}

export type Command = (channel: ServerChannel, command: string, session: CommandSession) => void;

export interface CommandSession {
  onSignal(listener: (name: string) => void): void;
}

export interface PeerOptions {
  run?: Command;
  hostKey?: { privateKey: string; publicKey: string };
  port?: number;
  /** The authorized public key, if it differs from that of `<folder>/key`. */
  authorized?: string;
  /** Like sshd's MaxSessions. */
  maxSessions?: number;
  /** Ignores requests for channels, like the far end of a half-dead link. */
  silent?: boolean;
  /** What the server offers; default: all of ssh2's. */
  algorithms?: Algorithms;
  /** Sent before authentication. */
  banner?: string;
  /** Forwards connections, like a jump host; otherwise forwarding is refused. */
  forwards?: boolean;
}

export async function startPeer({ run = exitAtOnce, ...options }: PeerOptions = {}): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), 'belt-ssh-'));
  const key = generateKeyPair('test');
  await writeFile(join(folder, 'key'), key.privateKey, { mode: 0o600 });
  const hostKey = options.hostKey ?? generateKeyPair('host');
  const authorized = ssh2.utils.parseKey(options.authorized ?? key.publicKey);
  if (authorized instanceof Error) throw authorized;

  const counts = { connections: 0, channels: 0, mostChannels: 0 };
  const sockets = new Set<Socket>();
  const clients: Ssh[] = [];
  const server = new ssh2.Server(
    {
      hostKeys: [hostKey.privateKey],
      ...(options.algorithms && { algorithms: options.algorithms }),
      ...(options.banner !== undefined && { banner: options.banner }),
    },
    (client) => {
      counts.connections++;
      client.on('error', () => {});
      client.on('authentication', (context) => {
        if (context.method !== 'publickey' || !authorized.getPublicSSH().equals(context.key.data)) {
          return context.reject(['publickey']);
        }
        context.accept();
      });
      if (options.forwards) {
        client.on('tcpip', (accept, reject, { destIP, destPort }) => {
          const socket = connect(destPort, destIP, () => {
            const channel = accept();
            channel.on('error', () => {});
            channel.pipe(socket).pipe(channel);
            socket.once('close', () => channel.destroy());
          });
          sockets.add(socket);
          socket.once('error', reject);
        });
      }
      client.on('session', (accept, reject) => {
        if (options.silent) return;
        if (counts.channels >= (options.maxSessions ?? 10)) return reject();
        counts.channels++;
        counts.mostChannels = Math.max(counts.mostChannels, counts.channels);
        const session = accept();
        const listeners: ((name: string) => void)[] = [];
        session.on('close', () => counts.channels--);
        session.on('signal', (_accept, _reject, { name }) => {
          for (const listener of listeners) listener(name);
        });
        session.on('exec', (acceptExec, _reject, { command }) => {
          run(acceptExec(), command, { onSignal: (listener) => listeners.push(listener) });
        });
      });
    },
  );
  const port = await listen(server as unknown as TcpServer, options.port);
  (server as unknown as { _srv: TcpServer })._srv.on('connection', (socket) => sockets.add(socket));

  return {
    folder,
    port,
    hostKey,
    counts,
    target: (change = {}) => ({
      name: 'node1',
      host: '127.0.0.1',
      port,
      user: 'root',
      keyPath: join(folder, 'key'),
      ...change,
    }),
    ssh(change = {}) {
      const ssh = openSsh({ knownHosts: openKnownHosts(join(folder, 'known_hosts')), ...change });
      clients.push(ssh);
      return ssh;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const ssh of clients) ssh.closeAll();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

/** A port that accepts connections and passes them to `serve`. */
export async function startTcp(serve: (socket: Socket) => void): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.add(socket);
    serve(socket);
  });
  const port = await listen(server);
  return {
    port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A port that is not in use. */
export async function freePort(): Promise<number> {
  const { port, close } = await startTcp(() => {});
  close();
  return port;
}

export function finish(channel: ServerChannel, code: number): void {
  channel.exit(code);
  channel.end();
}

function exitAtOnce(channel: ServerChannel): void {
  finish(channel, 0);
}

function listen(server: TcpServer, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
