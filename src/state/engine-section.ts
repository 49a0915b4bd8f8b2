import { UsageError, UserError } from '../base/errors.js';
import {
  type EngineWord,
  type EngineWords,
  engineSettings,
  engineWords,
} from '../engine/model/engine-options.js';
import type { EngineSettings } from '../engine/model/engine-settings.js';
import {
  engineSection,
  resolveSection,
  type SectionDefinition,
  type SettingDefinition,
  type SettingSources,
  valuesOf,
} from './settings.js';

const types: Readonly<Record<EngineWord, SettingDefinition['type']>> = {
  access: 'string',
  install_url: 'string',
  opt: 'list',
  insecure_registry: 'list',
  registry_mirror: 'list',
  label: 'list',
  storage_driver: 'string',
  env: 'list',
  tls_san: 'list',
  tune_swarm: 'boolean',
};

/** docker-machine's variables; it has no others for engines. */
const variables: Partial<Record<EngineWord, string>> = {
  install_url: 'MACHINE_DOCKER_INSTALL_URL',
  registry_mirror: 'ENGINE_REGISTRY_MIRROR',
};

export const engineDefinitions: readonly SettingDefinition[] = engineWords.map((key) => ({
  key,
  type: types[key],
  ...(variables[key] && { env: [variables[key]] }),
}));

/** The flag of a word, without its dashes. */
export function engineFlag(word: string): string {
  const dashed = word.replaceAll('_', '-');
  return word === 'tls_san' || word === 'tune_swarm' ? dashed : `engine-${dashed}`;
}

const section: SectionDefinition = {
  definitions: engineDefinitions,
  what: 'setting of engines',
  flagName: ({ key }) => `--${engineFlag(key)}`,
};

/** How engines are to be: flags, environment, the files' sections `engine`. @throws UserError; UsageError for a flag */
export function resolveEngineSettings(sources: SettingSources): EngineSettings {
  const resolved = resolveSection(engineSection, section, sources);
  return engineSettings(valuesOf(resolved) as EngineWords, (word, reason, hint) => {
    const details = hint === undefined ? {} : { hint };
    const origin = resolved[word]?.origin ?? 'default';
    if (origin.startsWith('flag '))
      return new UsageError(`${origin.slice('flag '.length)} ${reason}`, details);
    return new UserError(`${origin}: ${word} ${reason}`, details);
  });
}
