import { UserError } from '../../base/errors.js';
import type { CertificatePaths } from './engine-paths.js';
import type { EngineSettings } from './engine-settings.js';

/** Either `--flag=value` or `key` in daemon.json (docs.docker.com/reference/cli/dockerd). */
export interface DaemonOption {
  flag: string;
  key: string;
  value: string;
  form: OptionForm;
}

type OptionForm =
  /** A string, number or boolean. */
  | 'value'
  /** Repeatable as a flag, a list in daemon.json. */
  | 'list'
  /** A list of KEY=VALUE, each key once. */
  | 'assignments'
  /** A list of KEY=NUMBER, each key once, and KEY=NAME, which may repeat. */
  | 'resources'
  /** A list of objects, from `key=value,key=value`. */
  | 'pools'
  /** An object with the flag's name as key. */
  | 'nested'
  /** Objects by name, from `NAME=...`. */
  | 'map'
  | 'switches'
  | 'runtimes'
  | 'ulimits'
  | 'network-opts';

/** Options that control TCP access, which only belt sets. */
export const accessKeys: ReadonlySet<string> = new Set([
  'tls',
  'tlsverify',
  'tlscacert',
  'tlscert',
  'tlskey',
]);

export function daemonOptions(settings: EngineSettings, certificates: CertificatePaths): DaemonOption[] {
  return [
    ...hostOptions(settings),
    ...accessOptions(settings, certificates),
    ...(settings.storageDriver ? [option('storage-driver', settings.storageDriver)] : []),
    ...settings.labels.map((value) => option('label', value)),
    ...settings.insecureRegistries.map((value) => option('insecure-registry', value)),
    ...settings.registryMirrors.map((value) => option('registry-mirror', value)),
    ...settings.options.map(freeOption),
  ];
}

export const engineSocket = 'unix:///var/run/docker.sock';

/** dockerd takes a host without a protocol, like `:2375`, for TCP. */
export function isTcpHost(host: string): boolean {
  return !/^(unix|fd|npipe):/.test(host);
}

/** belt closes ports in the start command, but not in the variables that it refers to. @throws UserError */
export function refuseTcpIn(path: string, text: string): void {
  for (const [, host = ''] of text
    .replaceAll(/^\s*#.*$/gm, '')
    .matchAll(/[\s"'=]-(?:H|-host)[ =]*([^\s"']+)/g)) {
    if (!isTcpHost(host)) continue;
    throw new UserError(`${path} makes the engine listen on ${host}`, {
      hint: 'remove that host there: belt opens the port itself',
    });
  }
}

function hostOptions({ access, port }: EngineSettings): DaemonOption[] {
  return access === 'local' ? [] : [option('host', `tcp://0.0.0.0:${port}`)];
}

/** Without TLS the engine needs `--tls=false`: it waits 15 s otherwise, and Docker 29 refuses. */
function accessOptions({ access }: EngineSettings, paths: CertificatePaths): DaemonOption[] {
  if (access === 'local') return [];
  if (access === 'insecure') return [option('tls', 'false')];
  return [
    option('tlsverify', 'true'),
    option('tlscacert', paths.ca),
    option('tlscert', paths.certificate),
    option('tlskey', paths.key),
  ];
}

/** Parses `flag=value`, or `flag` for a switch, with or without dashes. */
function freeOption(text: string): DaemonOption {
  const [, flag = '', value = 'true'] = /^-{0,2}([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  return option(longFlags[flag] ?? flag, value);
}

const longFlags: Readonly<Record<string, string>> = {
  b: 'bridge',
  D: 'debug',
  G: 'group',
  l: 'log-level',
  p: 'pidfile',
};

/** Flags whose key or form in daemon.json differs (moby, cmd/dockerd/config.go and daemon/config). */
const keys: Readonly<Record<string, [key: string, form: OptionForm]>> = {
  host: ['hosts', 'list'],
  label: ['labels', 'assignments'],
  'insecure-registry': ['insecure-registries', 'list'],
  'registry-mirror': ['registry-mirrors', 'list'],
  'storage-opt': ['storage-opts', 'assignments'],
  'exec-opt': ['exec-opts', 'assignments'],
  dns: ['dns', 'list'],
  'dns-opt': ['dns-opts', 'list'],
  'dns-search': ['dns-search', 'list'],
  'authorization-plugin': ['authorization-plugins', 'list'],
  'allow-nondistributable-artifacts': ['allow-nondistributable-artifacts', 'list'],
  'node-generic-resource': ['node-generic-resources', 'resources'],
  'cdi-spec-dir': ['cdi-spec-dirs', 'list'],
  'log-opt': ['log-opts', 'map'],
  'cluster-store-opt': ['cluster-store-opts', 'map'],
  feature: ['features', 'switches'],
  'default-ulimit': ['default-ulimits', 'ulimits'],
  'default-address-pool': ['default-address-pools', 'pools'],
  'default-network-opt': ['default-network-opts', 'network-opts'],
  'add-runtime': ['runtimes', 'runtimes'],
  'http-proxy': ['proxies', 'nested'],
  'https-proxy': ['proxies', 'nested'],
  'no-proxy': ['proxies', 'nested'],
};

function option(flag: string, value: string): DaemonOption {
  const [key, form] = keys[flag] ?? [flag, 'value'];
  return { flag, key, value, form };
}

/** Whether both set the same: of a list, the same element. */
export function isSameSetting(one: DaemonOption, flag: string, value: string): boolean {
  if (one.flag !== flag) return false;
  if (['list', 'resources', 'pools'].includes(one.form)) return one.value === value;
  const isKeyed = one.form !== 'value' && one.form !== 'nested';
  return !isKeyed || keyOf(one.value) === keyOf(value);
}

/** `KEY` of `KEY=VALUE`. */
export function keyOf(assignment: string): string {
  return assignment.split('=', 1)[0] ?? '';
}

/** The variables of a proxy, in both cases: programs differ in which they read. */
export function proxyVariables({ env, options }: Pick<EngineSettings, 'env' | 'options'>): string[] {
  const flags = options.map(freeOption).filter(({ key }) => key === 'proxies');
  const assignments = [...env, ...flags.map(({ flag, value }) => `${flag.replace('-', '_')}=${value}`)];
  return assignments.flatMap((assignment) => {
    const name = keyOf(assignment);
    if (!/^(https?|no|all)_proxy$/i.test(name)) return [];
    const value = assignment.slice(name.length);
    return [`${name.toLowerCase()}${value}`, `${name.toUpperCase()}${value}`];
  });
}

export function optionWord({ flag, value }: DaemonOption): string {
  return value === 'true' ? `--${flag}` : `--${flag}=${value}`;
}
