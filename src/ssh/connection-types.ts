import type { Readable, Writable } from 'node:stream';

/** Whom to reach, and how. */
export interface SshTarget {
  /** The machine's name: known_hosts entries and messages carry it. */
  name: string;
  host: string;
  port: number;
  user: string;
  /** Absolute path of a private key; default: the agent, then the user's own keys. */
  keyPath?: string;
  /** The host that the way to this one leads through, as OpenSSH's ProxyJump; it may have one of its own. */
  jump?: SshTarget;
}

export interface CommandResult {
  /** The command's exit code; 128 + the signal's number when a signal ended it, as shells count. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  stdin?: string | Buffer;
  /** Ends the wait (and the command) with an ExternalError. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface StreamOptions {
  stdin?: Readable;
  stdout: Writable;
  stderr: Writable;
  /** A pseudo-terminal; `stderr` then comes with `stdout`. */
  pty?: Pty;
  /** Ends the remote command with SIGHUP and rejects with AbortError. */
  signal?: AbortSignal;
  /** Signals (`INT`, `TERM`, ...) to hand to the remote command as they come; returns the unsubscribe function. */
  onSignal?: (deliver: (name: string) => void) => () => void;
}

export interface Pty {
  term: string;
  columns: number;
  rows: number;
  /** Calls back with the new size whenever the local window changes; returns the unsubscribe function. */
  onResize: (listener: (columns: number, rows: number) => void) => () => void;
}

/** One SSH connection to one machine, for a whole operation; every command is a channel of its own in it. */
export interface Connection {
  readonly target: SshTarget;
  /**
   * Runs a command and collects what it prints. A failing command is a result, not an error.
   * @throws ExternalError when the connection is lost or the time is up; AbortError on `signal`.
   */
  run(command: string, options?: CommandOptions): Promise<CommandResult>;
  /** Runs a command with its streams connected, in constant memory; resolves to its exit code. */
  stream(command: string, options: StreamOptions): Promise<number>;
  /** Writes a file there atomically. `mode` as `0o600`. */
  write(path: string, content: string | Buffer, mode: number): Promise<void>;
  close(): void;
}
