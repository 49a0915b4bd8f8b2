import type { Readable, Writable } from 'node:stream';
import { ExternalError } from '../base/errors.js';

export interface SshTarget {
  /** The machine's name, used in known_hosts and messages. */
  name: string;
  host: string;
  port: number;
  user: string;
  /** Absolute path of a private key; default: the agent, then the user's own keys. */
  keyPath?: string;
  /** Default: `<keyPath>-cert.pub`, if it exists. */
  certificatePath?: string;
  /** Default: the agent of SSH_AUTH_SOCK; `none`: no agent. */
  agentSocket?: string;
  /** As OpenSSH's ProxyCommand, without tokens. */
  proxyCommand?: string;
  /** As OpenSSH's ProxyJump; it may have one of its own. */
  jump?: SshTarget;
}

export interface CommandResult {
  /** 128 + the signal's number after a signal, as in shells. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  stdin?: string | Buffer;
  /** Stops the command with an ExternalError. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface StreamOptions {
  stdin?: Readable;
  stdout: Writable;
  stderr: Writable;
  /** A pseudo-terminal merges `stderr` into `stdout`. */
  pty?: Pty;
  /**
   * Ends the remote command with SIGHUP and rejects with AbortError. With `Disconnected` as its
   * reason, it drops the connection and rejects with that.
   */
  signal?: AbortSignal;
  /** Rejects with `NoChannelError` instead of waiting while all channels are in use. */
  noWait?: boolean;
  /** Forwards signals (`INT`, `TERM`, ...); returns the unsubscribe function. */
  onSignal?: (deliver: (name: string) => void) => () => void;
}

/** The server opens no more channels on this connection at the moment. */
export class NoChannelError extends ExternalError {}

/** The user gave up a connection that may be dead. */
export class Disconnected extends ExternalError {}

/** The connection ended while a command ran: whether the command still runs is unknown. */
export class ConnectionLost extends ExternalError {}

export interface Pty {
  term: string;
  columns: number;
  rows: number;
  /** Calls back when the local window's size changes; returns the unsubscribe function. */
  onResize: (listener: (columns: number, rows: number) => void) => () => void;
  /** Called when the command's streams are connected. */
  onStart?: (session: { isResponding: (timeoutMs: number) => Promise<boolean> }) => void;
}

/** An SSH connection to a machine; each command runs in its own channel. */
export interface Connection {
  readonly target: SshTarget;
  /** A failing command is a result, not an error. @throws ExternalError, AbortError */
  run(command: string, options?: CommandOptions): Promise<CommandResult>;
  /** Runs a command with its streams connected, in constant memory; resolves to its exit code. */
  stream(command: string, options: StreamOptions): Promise<number>;
  /** Writes a file atomically. `mode` as in `0o600`. */
  write(path: string, content: string | Buffer, mode: number): Promise<void>;
  close(): void;
}
