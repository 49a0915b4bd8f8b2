// One table for oclif, the fast path, passthrough commands and completion. The fast path loads no
// oclif.

export interface FlagEntry {
  type: 'string' | 'boolean';
  short?: string;
  /** Default: hidden in help. */
  summary?: string;
  /** The placeholder of the value in help. */
  value?: string;
  /** The environment variable that turns it on. */
  env?: string;
  /** Never printed. */
  secret?: true;
}

type FlagTable = Readonly<Record<string, FlagEntry>>;

/** Accepted before and after the command. */
export const globalFlags = {
  cluster: { type: 'string', value: 'NAME', summary: 'Use this cluster instead of the current one' },
  'storage-path': {
    type: 'string',
    short: 's',
    value: 'DIR',
    summary: 'Use the cluster in this folder',
  },
  debug: {
    type: 'boolean',
    short: 'D',
    env: 'MACHINE_DEBUG',
    summary: 'Show where settings come from, and stack traces',
  },
  'no-color': { type: 'boolean', summary: 'Print without color [$NO_COLOR]' },
  'native-ssh': {
    type: 'boolean',
    summary: "Log in with belt's own SSH instead of the system's [$MACHINE_NATIVE_SSH]",
  },
  'tls-ca-cert': {
    type: 'string',
    value: 'FILE',
    summary: 'CA certificate for a new cluster [$MACHINE_TLS_CA_CERT]',
  },
  'tls-ca-key': {
    type: 'string',
    value: 'FILE',
    summary: 'Private key of the CA certificate [$MACHINE_TLS_CA_KEY]',
  },
  'tls-client-cert': {
    type: 'string',
    value: 'FILE',
    summary: 'Client certificate for a new cluster [$MACHINE_TLS_CLIENT_CERT]',
  },
  'tls-client-key': {
    type: 'string',
    value: 'FILE',
    summary: 'Private key of the client certificate [$MACHINE_TLS_CLIENT_KEY]',
  },
  // docker-machine asked GitHub for boot2docker and sent crash reports; belt does neither.
  'github-api-token': { type: 'string', secret: true },
  'bugsnag-api-token': { type: 'string', secret: true },
} as const satisfies FlagTable;

/** For commands that report; others accept them before the command, for errors. */
export const outputFlags = {
  output: {
    type: 'string',
    short: 'o',
    value: 'FORMAT',
    summary: 'Output format: table, wide, json, yaml, name or go-template=TEMPLATE (docs/output.md)',
  },
  json: { type: 'boolean', summary: 'Same as --output json' },
  quiet: { type: 'boolean', short: 'q', summary: 'Only print names, and no progress' },
  progress: { type: 'string', value: 'MODE', summary: 'Progress: auto, or plain for one line per change' },
  timestamps: { type: 'boolean', summary: 'Begin lines of plain progress with the time' },
} as const satisfies FlagTable;

export type FlagValues<T extends FlagTable> = {
  -readonly [K in keyof T]?: (T[K]['type'] extends 'boolean' ? boolean : string) | undefined;
};
