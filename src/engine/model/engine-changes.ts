import type { EngineWord } from './engine-options.js';
import { type EngineSettings, enginePorts } from './engine-settings.js';

export interface EngineWish {
  settings: EngineSettings;
  /** The settings to change. */
  said: readonly EngineWord[];
}

export interface EngineChange {
  key: EngineWord;
  /** Undefined when it was not set. */
  is?: string;
  /** `none` when the setting is removed. */
  wanted: string;
}

/** The others only apply to a new engine: a changed storage driver would hide its containers. */
type Changeable = Exclude<EngineWord, 'install_url' | 'storage_driver'>;

const settingOf: Readonly<Record<Changeable, Exclude<keyof EngineSettings, 'port'>>> = {
  access: 'access',
  opt: 'options',
  insecure_registry: 'insecureRegistries',
  registry_mirror: 'registryMirrors',
  label: 'labels',
  env: 'env',
  tls_san: 'tlsSans',
  tune_swarm: 'tuneSwarm',
};

export function engineChanges(is: EngineSettings, wish: EngineWish): EngineChange[] {
  return saidOf(wish).flatMap((key) => {
    const before = valuesIn(is[settingOf[key]]);
    const wanted = valuesIn(wish.settings[settingOf[key]]);
    const isSame = JSON.stringify(before) === JSON.stringify(wanted);
    // Kernel settings are not reverted.
    if (isSame || (key === 'tune_swarm' && wanted.length === 0)) return [];
    return [{ key, ...(before.length > 0 && { is: before.join(',') }), wanted: wanted.join(',') || 'none' }];
  });
}

/** Keeps the port unless the access changes. */
export function changedEngine(is: EngineSettings, wish: EngineWish): EngineSettings {
  const { access } = wish.settings;
  const said = saidOf(wish).map((key) => [settingOf[key], wish.settings[settingOf[key]]] as const);
  const moves = saidOf(wish).includes('access') && access !== is.access;
  return { ...is, ...Object.fromEntries(said), ...(moves && { port: enginePorts[access] }) };
}

function saidOf({ said }: EngineWish): Changeable[] {
  const words = Object.keys(settingOf) as Changeable[];
  return words.filter((word) => said.includes(word));
}

/** To an engine, an unset value, an empty list and `false` are equal. */
function valuesIn(value: string | boolean | readonly string[] | undefined): readonly string[] {
  if (!value) return [];
  return typeof value === 'object' ? value : [String(value)];
}
