/** What the rest of belt uses of SSH. It loads ssh2: who needs only the quoting imports `quote.js`. */
export type { CommandResult, Connection, Pty, RunOptions, SshTarget, StreamOptions } from './connection.js';
export { fingerprint, generateKeyPair, type KeyPair } from './keys.js';
export { type KnownHosts, type KnownHostsOptions, openKnownHosts } from './known-hosts.js';
export { ConnectError, type Obstacle } from './obstacle.js';
export { quoteArgs } from './quote.js';
export { openSsh, type Ssh, type SshOptions, type WaitOptions } from './ssh.js';
