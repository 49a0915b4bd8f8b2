import type { EngineOptionKey } from './engine-options.js';
import { type EngineSettings, enginePorts } from './engine-settings.js';

export interface EngineChangeRequest {
  settings: EngineSettings;
  /** The settings to change. */
  keys: readonly EngineOptionKey[];
}

export interface EngineChange {
  key: EngineOptionKey;
  /** Undefined when it was not set. */
  is?: string;
  /** `none` when the setting is removed. */
  wanted: string;
}

/** The others only apply to a new engine: a changed storage driver would hide its containers. */
type Changeable = Exclude<EngineOptionKey, 'install_url' | 'storage_driver'>;

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

export function engineChanges(current: EngineSettings, request: EngineChangeRequest): EngineChange[] {
  return changedKeys(request).flatMap((key) => {
    const before = valuesIn(current[settingOf[key]]);
    const wanted = valuesIn(request.settings[settingOf[key]]);
    const isSame = JSON.stringify(before) === JSON.stringify(wanted);
    // Kernel settings are not reverted.
    if (isSame || (key === 'tune_swarm' && wanted.length === 0)) return [];
    return [{ key, ...(before.length > 0 && { is: before.join(',') }), wanted: wanted.join(',') || 'none' }];
  });
}

/** Keeps the port unless the access changes. */
export function changedEngine(current: EngineSettings, request: EngineChangeRequest): EngineSettings {
  const { access } = request.settings;
  const updates = changedKeys(request).map(
    (key) => [settingOf[key], request.settings[settingOf[key]]] as const,
  );
  const portChanges = changedKeys(request).includes('access') && access !== current.access;
  return { ...current, ...Object.fromEntries(updates), ...(portChanges && { port: enginePorts[access] }) };
}

function changedKeys({ keys }: EngineChangeRequest): Changeable[] {
  const changeable = Object.keys(settingOf) as Changeable[];
  return changeable.filter((key) => keys.includes(key));
}

/** To an engine, an unset value, an empty list and `false` are equal. */
function valuesIn(value: string | boolean | readonly string[] | undefined): readonly string[] {
  if (!value) return [];
  return typeof value === 'object' ? value : [String(value)];
}
