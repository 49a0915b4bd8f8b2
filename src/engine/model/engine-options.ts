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

export type EngineWord = Definition['key'];
export type EngineWords = { [D in Definition as D['key']]?: ValueOfType[D['type']] | undefined };

export const engineWords: readonly EngineWord[] = engineDefinitions.map(({ key }) => key);

/** @param reason completes the name of the flag or key: `must be KEY=VALUE` */
export type Wrong = (word: EngineWord, reason: string, hint?: string) => UserError;

export const engineAccesses: readonly EngineAccess[] = ['secure', 'insecure', 'local'];

/** @throws what `wrong` returns for an invalid value */
export function engineSettings(words: EngineWords, wrong: Wrong): EngineSettings {
  const access = accessOf(words.access, wrong);
  return {
    access,
    port: enginePorts[access],
    tlsSans: words.tls_san ?? [],
    ...(words.install_url !== undefined && { installUrl: checkedUrl(words.install_url, wrong) }),
    ...(words.storage_driver !== undefined && { storageDriver: words.storage_driver }),
    insecureRegistries: words.insecure_registry ?? [],
    registryMirrors: words.registry_mirror ?? [],
    labels: assignments('label', words.label, wrong),
    env: assignments('env', words.env, wrong),
    options: (words.opt ?? []).map((option) => checkedOption(option, wrong)),
    tuneSwarm: words.tune_swarm ?? false,
  };
}

function accessOf(word: string = defaultEngineSettings.access, wrong: Wrong): EngineAccess {
  const access = engineAccesses.find((known) => known === word);
  if (access) return access;
  throw wrong('access', `must be ${engineAccesses.join(', ')}, not "${word}"`);
}

function assignments(word: 'label' | 'env', values: readonly string[] = [], wrong: Wrong): readonly string[] {
  const odd = values.find((value) => !/^[^=\s]+=[^\n]*$/.test(value));
  if (odd === undefined) return values;
  throw wrong(word, `must be KEY=VALUE, not "${odd}"`);
}

/** TCP access is controlled by `access` alone. */
function checkedOption(value: string, wrong: Wrong): string {
  const [, name = ''] = /^-{0,2}([A-Za-z][\w-]*)(=[^\n]*)?$/.exec(value) ?? [];
  if (name === '') throw wrong('opt', `must be FLAG=VALUE or FLAG, not "${value}"`);
  if (/^(H|host|tls(verify|cacert|cert|key)?)$/.test(name))
    throw wrong('opt', `cannot set "${name}"`, 'the access (--engine-access) says who gets in');
  return value.replace(/^-+/, '');
}

function checkedUrl(value: string, wrong: Wrong): string {
  if (/^https?:\/\/\S+$/.test(value)) return value;
  throw wrong('install_url', `must be a web address, not "${value}"`);
}
