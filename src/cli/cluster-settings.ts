import type { Settings } from '../app/context.js';
import { type KeyType, keyTypeOf } from '../certs/model/key-type.js';
import type { Group, GroupSettings } from '../clusters/model/group.js';
import type { Drivers } from '../drivers/registry.js';
import { type DockerClientSetting, dockerClientSetting } from '../engine/model/docker-client-setting.js';
import type { EngineSettings } from '../engine/model/engine-settings.js';
import { resolveEngineSettings } from '../state/engine-section.js';
import type { Environment } from '../state/environment.js';
import { readGroups } from '../state/group-settings.js';
import {
  type ResolvedSettings,
  requireKnownSections,
  resolveDriver,
  resolveDriverSettings,
  resolveGeneral,
  type SettingSources,
  withImpliedDriver,
} from '../state/settings.js';
import { readSettingsFiles, type SettingsFile } from '../state/settings-file.js';
import { givenDriverSettings } from './driver-flag-values.js';
import { once } from './lazy.js';

interface SettingsPaths {
  /** The cluster's config.yml, which need not exist. */
  config: string;
  /** Existing .belt.yaml files, strongest first. */
  others: readonly string[];
}

/** Reads the settings files on first use. */
export class ClusterSettings implements Settings {
  private readonly files = once(() => this.readFiles());

  constructor(
    private readonly places: SettingsPaths,
    private readonly flags: Readonly<Record<string, unknown>>,
    private readonly environment: Pick<Environment, 'variables' | 'platform'>,
    private readonly drivers: Drivers,
  ) {}

  async requireReadable(): Promise<void> {
    await this.files();
  }

  async driver(named?: string): Promise<string> {
    const sources = { ...(await this.sources()), flags: { driver: named } };
    return this.drivers.nameOf(resolveDriver(this.environment.platform, sources).value);
  }

  async of(driver: string, group: GroupSettings = {}): Promise<ResolvedSettings> {
    const { settings } = await this.drivers.load(driver);
    const flags = givenDriverSettings(driver, settings, this.flags);
    return resolveDriverSettings(driver, settings, { ...(await this.sources()), flags, group });
  }

  async engine(flags: SettingSources['flags'] = {}): Promise<EngineSettings> {
    return resolveEngineSettings({ ...(await this.sources()), flags });
  }

  async keyType(): Promise<KeyType> {
    return keyTypeOf(resolveGeneral('key_type', await this.sources()));
  }

  async dockerClient(): Promise<DockerClientSetting> {
    return dockerClientSetting(resolveGeneral('docker_client', await this.sources()));
  }

  async groups(): Promise<Group[]> {
    const { config } = await this.files();
    if (!config) return [];
    return readGroups(config, this.drivers.names, {
      ...(await this.sources()),
      driver: () => this.driver(),
      definitions: async (driver) => (await this.drivers.load(driver)).settings,
    });
  }

  private async sources(): Promise<SettingSources> {
    const { config, others } = await this.files();
    return { variables: this.environment.variables, files: config ? [config, ...others] : others };
  }

  private async readFiles(): Promise<{ config: SettingsFile | undefined; others: SettingsFile[] }> {
    const [config] = await readSettingsFiles([this.places.config]);
    const others = await readSettingsFiles(this.places.others);
    if (config) requireKnownSections(config, this.drivers.names, { groups: true });
    for (const file of others) requireKnownSections(file, this.drivers.names, { groups: false });
    return { config: config && withImpliedDriver(config, this.drivers.names), others };
  }
}
