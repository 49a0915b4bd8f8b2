/** Loads ssh2: import `base/quote-args.js` for quoting alone. */

export { quoteArgs } from '../base/quote-args.js';
export { ConnectError, type ConnectProblem } from './connect-error.js';
export { openSsh, type Ssh, type SshOptions, type WaitOptions } from './connection-pool.js';
export type {
  CommandOptions,
  CommandResult,
  Connection,
  Pty,
  SshTarget,
  StreamOptions,
} from './connection-types.js';
export { NoChannelError } from './connection-types.js';
export { fingerprint, generateKeyPair, type SshKeyPair } from './key-pair.js';
export { type KnownHosts, type KnownHostsOptions, openKnownHosts } from './known-hosts.js';
