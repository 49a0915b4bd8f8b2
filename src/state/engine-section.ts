import { UsageError, UserError } from '../base/errors.js';
import {
  type EngineOptionValues,
  engineDefinitions,
  engineSettings,
} from '../engine/model/engine-options.js';
import type { EngineSettings } from '../engine/model/engine-settings.js';
import {
  engineSection,
  resolveSection,
  type SectionDefinition,
  type SettingSources,
  valuesOf,
} from './settings.js';

/** Without leading dashes. */
export function engineFlag(word: string): string {
  const dashed = word.replaceAll('_', '-');
  return word === 'tls_san' || word === 'tune_swarm' ? dashed : `engine-${dashed}`;
}

const section: SectionDefinition = {
  definitions: engineDefinitions,
  what: 'an engine setting',
  flagName: ({ key }) => `--${engineFlag(key)}`,
};

/** From flags, environment and `engine` sections. @throws UserError; UsageError for a flag */
export function resolveEngineSettings(sources: SettingSources): EngineSettings {
  const resolved = resolveSection(engineSection, section, sources);
  return engineSettings(valuesOf(resolved) as EngineOptionValues, (word, reason, hint) => {
    const details = hint === undefined ? {} : { hint };
    const origin = resolved[word]?.origin ?? 'default';
    if (origin.startsWith('flag '))
      return new UsageError(`${origin.slice('flag '.length)} ${reason}`, details);
    return new UserError(`${origin}: ${word} ${reason}`, details);
  });
}
