import type { UserError } from '../../base/errors.js';
import {
  defaultEngineSettings,
  type EngineAccess,
  type EngineSettings,
  enginePorts,
} from './engine-settings.js';

/** The environment variables are docker-machine's. */
export const engineDefinitions = [
  { key: 'access', type: 'string' },
  { key: 'install_url', type: 'string', env: ['MACHINE_DOCKER_INSTALL_URL'] },
  { key: 'opt', type: 'list' },
  { key: 'insecure_registry', type: 'list' },
  { key: 'registry_mirror', type: 'list', env: ['ENGINE_REGISTRY_MIRROR'] },
  { key: 'label', type: 'list' },
  { key: 'storage_driver', type: 'string' },
  { key: 'env', type: 'list' },
  { key: 'tls_san', type: 'list' },
  { key: 'tune_swarm', type: 'boolean' },
] as const;

type Definition = (typeof engineDefinitions)[number];
type ValueOfType = { string: string; list: readonly string[]; boolean: boolean };

export type EngineOptionKey = Definition['key'];
export type EngineOptionValues = { [D in Definition as D['key']]?: ValueOfType[D['type']] | undefined };

export const engineOptionKeys: readonly EngineOptionKey[] = engineDefinitions.map(({ key }) => key);

/** @param reason completes the name of the flag or key: `must be KEY=VALUE` */
type CreateOptionError = (key: EngineOptionKey, reason: string, hint?: string) => UserError;

export const engineAccesses: readonly EngineAccess[] = ['secure', 'insecure', 'local'];

/** @throws what `optionError` returns for an invalid value */
export function engineSettings(options: EngineOptionValues, optionError: CreateOptionError): EngineSettings {
  const access = accessOf(options.access, optionError);
  return {
    access,
    port: enginePorts[access],
    tlsSans: options.tls_san ?? [],
    ...(options.install_url !== undefined && { installUrl: checkedUrl(options.install_url, optionError) }),
    ...(options.storage_driver !== undefined && { storageDriver: options.storage_driver }),
    insecureRegistries: options.insecure_registry ?? [],
    registryMirrors: options.registry_mirror ?? [],
    labels: assignments('label', options.label, optionError),
    env: assignments('env', options.env, optionError),
    options: (options.opt ?? []).map((option) => checkedOption(option, optionError)),
    tuneSwarm: options.tune_swarm ?? false,
  };
}

function accessOf(
  value: string = defaultEngineSettings.access,
  optionError: CreateOptionError,
): EngineAccess {
  const access = engineAccesses.find((known) => known === value);
  if (access) return access;
  throw optionError('access', `must be ${engineAccesses.join(', ')}, not "${value}"`);
}

function assignments(
  key: 'label' | 'env',
  values: readonly string[] = [],
  optionError: CreateOptionError,
): readonly string[] {
  const invalid = values.find((value) => !/^[^=\s]+=[^\n]*$/.test(value));
  if (invalid === undefined) return values;
  throw optionError(key, `must be KEY=VALUE, not "${invalid}"`);
}

/** TCP access is controlled by `access` alone. */
function checkedOption(value: string, optionError: CreateOptionError): string {
  const [, name = ''] = /^-{0,2}([A-Za-z][\w-]*)(=[^\n]*)?$/.exec(value) ?? [];
  if (name === '') throw optionError('opt', `must be FLAG=VALUE or FLAG, not "${value}"`);
  if (/^(H|host|tls(verify|cacert|cert|key)?)$/.test(name))
    throw optionError('opt', `cannot set "${name}"`, 'the access (--engine-access) says who gets in');
  return value.replace(/^-+/, '');
}

function checkedUrl(value: string, optionError: CreateOptionError): string {
  if (/^https?:\/\/\S+$/.test(value)) return value;
  throw optionError('install_url', `must be a web address, not "${value}"`);
}
