import type { CertificatePaths } from './engine-paths.js';
import type { EngineSettings } from './engine-settings.js';

/**
 * An option of dockerd (https://docs.docker.com/reference/cli/dockerd/): `--flag=value` on its command line, or `key` in
 * daemon.json, and never both: dockerd refuses to start then.
 */
export interface DaemonOption {
  flag: string;
  key: string;
  value: string;
  /** May be given several times; a list in daemon.json. */
  list: boolean;
}

/** Options that decide who gets in over TCP. belt sets them, wherever else they are set. */
export const accessKeys: ReadonlySet<string> = new Set([
  'tls',
  'tlsverify',
  'tlscacert',
  'tlscert',
  'tlskey',
]);

/** What to tell the daemon; `hosts` are the TCP addresses alone. */
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

/** Without TLS the engine needs `--tls=false`, or it waits 15 s first; from version 29 on it refuses. */
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

/** `flag=value`, or `flag` alone for a switch; the dashes are forgiven. */
function freeOption(text: string): DaemonOption {
  const [, flag = '', value = 'true'] = /^-{0,2}([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  return option(flag, value);
}

/** Flags whose key in daemon.json is another word; those with `true` are lists there. */
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
