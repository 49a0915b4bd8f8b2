import { Flags } from '@oclif/core';
import { UsageError } from '../errors.js';
import {
  defaultEngineSettings,
  type EngineAccess,
  type EngineSettings,
  enginePorts,
} from '../machines/engine-settings.js';

const group = { helpGroup: 'ENGINE' };
const several = { ...group, multiple: true, multipleNonGreedy: true } as const;
const accesses: readonly EngineAccess[] = ['secure', 'insecure', 'local'];

/** How engines are to be; docker-machine's flags, and belt's own `--engine-access` and `--tune-swarm`. */
export const engineFlags = {
  'engine-access': Flags.string({
    ...group,
    summary: 'secure: TCP 2376 with mutual TLS; insecure: TCP 2375 for everybody; local: SSH only',
    options: accesses as string[],
    default: defaultEngineSettings.access,
  }),
  'engine-install-url': Flags.string({
    ...group,
    summary: "script to install the engine with, where it is missing, instead of the distribution's package",
    env: 'MACHINE_DOCKER_INSTALL_URL',
    helpValue: 'URL',
  }),
  'engine-opt': Flags.string({ ...several, summary: "any option of dockerd's", helpValue: 'FLAG=VALUE' }),
  'engine-insecure-registry': Flags.string({
    ...several,
    summary: 'a registry to talk to without TLS',
    helpValue: 'HOST',
  }),
  'engine-registry-mirror': Flags.string({
    ...several,
    summary: 'a mirror of the registry',
    env: 'ENGINE_REGISTRY_MIRROR',
    helpValue: 'URL',
  }),
  'engine-label': Flags.string({ ...several, summary: 'a label of the engine', helpValue: 'KEY=VALUE' }),
  'engine-storage-driver': Flags.string({ ...group, summary: 'storage driver', helpValue: 'NAME' }),
  'engine-env': Flags.string({
    ...several,
    summary: "a variable of the engine's process",
    helpValue: 'KEY=VALUE',
  }),
  'tls-san': Flags.string({
    ...several,
    summary: "a further name or address in the engine's certificate",
    helpValue: 'NAME',
  }),
  'tune-swarm': Flags.boolean({ ...group, summary: 'kernel settings for swarms of hundreds of machines' }),
};

export interface GivenEngineFlags {
  'engine-access': string;
  'engine-install-url'?: string | undefined;
  'engine-opt'?: string[] | undefined;
  'engine-insecure-registry'?: string[] | undefined;
  'engine-registry-mirror'?: string[] | undefined;
  'engine-label'?: string[] | undefined;
  'engine-storage-driver'?: string | undefined;
  'engine-env'?: string[] | undefined;
  'tls-san'?: string[] | undefined;
  'tune-swarm'?: boolean | undefined;
}

/** @throws UsageError for what dockerd could not make anything of */
export function engineSettingsFrom(flags: GivenEngineFlags): EngineSettings {
  const access = accesses.find((word) => word === flags['engine-access']) ?? defaultEngineSettings.access;
  const installUrl = flags['engine-install-url'];
  const storageDriver = flags['engine-storage-driver'];
  return {
    access,
    port: enginePorts[access],
    tlsSans: flags['tls-san'] ?? [],
    ...(installUrl !== undefined && { installUrl: checkedUrl(installUrl) }),
    ...(storageDriver !== undefined && { storageDriver }),
    insecureRegistries: flags['engine-insecure-registry'] ?? [],
    registryMirrors: flags['engine-registry-mirror'] ?? [],
    labels: assignments('engine-label', flags['engine-label']),
    env: assignments('engine-env', flags['engine-env']),
    options: (flags['engine-opt'] ?? []).map(checkedOption),
    tuneSwarm: flags['tune-swarm'] ?? false,
  };
}

function assignments(flag: string, values: readonly string[] = []): readonly string[] {
  const wrong = values.find((value) => !/^[^=\s]+=[^\n]*$/.test(value));
  if (wrong === undefined) return values;
  throw new UsageError(`--${flag} must be KEY=VALUE, not "${wrong}"`);
}

/** Who gets in over TCP is one decision, and has its own flag. */
function checkedOption(value: string): string {
  const [, name = ''] = /^-{0,2}([A-Za-z][\w-]*)(=[^\n]*)?$/.exec(value) ?? [];
  if (name === '') throw new UsageError(`--engine-opt must be FLAG=VALUE or FLAG, not "${value}"`);
  if (/^(H|host|tls(verify|cacert|cert|key)?)$/.test(name)) {
    throw new UsageError(`--engine-opt cannot set "${name}"`, { hint: '--engine-access says who gets in' });
  }
  return value.replace(/^-+/, '');
}

function checkedUrl(value: string): string {
  if (/^https?:\/\/\S+$/.test(value)) return value;
  throw new UsageError(`--engine-install-url must be a web address, not "${value}"`);
}
