import type { CertificatePaths } from './engine-paths.js';
import type { EngineSettings } from './engine-settings.js';

/** Either `--flag=value` or `key` in daemon.json (docs.docker.com/reference/cli/dockerd). */
export interface DaemonOption {
  flag: string;
  key: string;
  value: string;
  /** Repeatable as a flag, a list in daemon.json. */
  list: boolean;
}

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
  return option(flag, value);
}

/** Flags with another key in daemon.json, and whether the value is a list there. */
const keys: Readonly<Record<string, [key: string, list: boolean]>> = {
  host: ['hosts', true],
  label: ['labels', true],
  'insecure-registry': ['insecure-registries', true],
  'registry-mirror': ['registry-mirrors', true],
  'storage-opt': ['storage-opts', true],
  'exec-opt': ['exec-opts', true],
  dns: ['dns', true],
  'dns-opt': ['dns-opts', true],
  'dns-search': ['dns-search', true],
  'authorization-plugin': ['authorization-plugins', true],
  'allow-nondistributable-artifacts': ['allow-nondistributable-artifacts', true],
  'node-generic-resource': ['node-generic-resources', true],
  'log-opt': ['log-opts', false],
  'default-ulimit': ['default-ulimits', false],
  'default-address-pool': ['default-address-pools', false],
  'add-runtime': ['runtimes', false],
};

function option(flag: string, value: string): DaemonOption {
  const [key, list] = keys[flag] ?? [flag, false];
  return { flag, key, value, list };
}

export function optionWord({ flag, value }: DaemonOption): string {
  return value === 'true' ? `--${flag}` : `--${flag}=${value}`;
}
