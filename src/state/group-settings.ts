import { UserError } from '../base/errors.js';
import { labelFault } from '../base/label-rules.js';
import {
  type Availability,
  availabilities,
  type Group,
  type GroupSettings,
} from '../clusters/model/group.js';
import { engineOptionKeys } from '../engine/model/engine-options.js';
import { expandNames } from '../machines/model/patterns.js';
import { resolveEngineSettings } from './engine-section.js';
import {
  convertSetting,
  engineSection,
  groupsWithRole,
  isGroup,
  refuseUnknown,
  type SettingDefinition,
  type SettingSources,
} from './settings.js';
import { notAValueError, type Section, type SettingsFile, type WrittenSetting } from './settings-file.js';

/**
 * The groups in a cluster's config.yml. Their driver and engine settings override the cluster's.
 */

interface GroupSources extends SettingSources {
  /** The driver of groups that do not name one. */
  driver: () => Promise<string>;
  /** @throws UserError for an unknown driver */
  definitions: (driver: string) => Promise<readonly (SettingDefinition & { secret?: boolean })[]>;
}

const groupKeys = ['nodes', 'role', 'size', 'availability', 'labels', 'driver', engineSection] as const;
type GroupKey = (typeof groupKeys)[number];

/** @throws UserError with file and line */
export async function readGroups(
  file: SettingsFile,
  driverNames: readonly string[],
  sources: GroupSources,
): Promise<Group[]> {
  const sections = [...file.sections.values()].filter(
    (section) => !driverNames.includes(section.key) && section.key !== engineSection && isGroup(section),
  );
  const common = entriesWithValue(file.sections.get(engineSection)).map(({ key }) => key);
  const groups: Group[] = [];
  for (const section of sections) groups.push(await new GroupReader(section, common, sources).read());
  return groups;
}

class GroupReader {
  constructor(
    private readonly section: Section,
    /** The keys of the file's `engine` section. */
    private readonly common: readonly string[],
    private readonly sources: GroupSources,
  ) {}

  async read(): Promise<Group> {
    const { key: name, origin } = this.section;
    const driver = this.text('driver') ?? (await this.sources.driver());
    const definitions = await this.definitionsOf(driver);
    this.refuseUnknownKeys(driver, definitions);
    const size = this.text('size');
    return {
      name,
      origin,
      role: this.role(),
      nodes: this.nodes(),
      ...(size !== undefined && { size }),
      availability: this.availability(),
      labels: this.labels(),
      driver,
      settings: this.settings(driver, definitions),
      engine: this.engine(),
      ownEngineKeys: this.ownEngineKeys(),
    };
  }

  private async definitionsOf(driver: string): Promise<readonly SettingDefinition[]> {
    const written = this.entry('driver');
    try {
      return await this.sources.definitions(driver);
    } catch (error) {
      if (!written || !(error instanceof UserError)) throw error;
      throw withOrigin(written, error);
    }
  }

  private refuseUnknownKeys(driver: string, definitions: readonly SettingDefinition[]): void {
    const { entries, sections } = this.section;
    const known = [...groupKeys, ...definitions.map(({ key }) => key)];
    const what = `a key of a group or a setting of the ${driver} driver`;
    for (const written of [...entries.values(), ...sections.values()]) refuseUnknown(written, known, what);
    for (const { key, origin } of sections.values())
      if (key !== 'labels' && key !== engineSection) throw notAValueError(origin);
  }

  private role(): Group['role'] {
    const { key, origin } = this.section;
    const impliedRole = groupsWithRole.find((name) => name === key)?.replace(/s$/, '');
    const role = this.oneOf('role', ['manager', 'worker'] as const);
    if (role && impliedRole && role !== impliedRole)
      throw new UserError(
        `${this.originOf('role')}: the group "${key}" holds ${key}, and its role cannot be ${role}`,
      );
    const found = role ?? (impliedRole as Group['role'] | undefined);
    if (found) return found;
    throw new UserError(`${origin}: the group "${key}" has no role`, {
      hint: 'add "role: manager" or "role: worker"',
    });
  }

  private nodes(): string[] {
    const written = this.entry('nodes');
    if (written?.value === undefined) {
      throw new UserError(
        `${written?.origin ?? this.section.origin}: the group "${this.section.key}" has no nodes`,
        { hint: 'nodes: "node[1:4]"' },
      );
    }
    try {
      return expandNames(typeof written.value === 'string' ? [written.value] : written.value);
    } catch (error) {
      throw error instanceof UserError ? withOrigin(written, error) : error;
    }
  }

  private availability(): Availability {
    return this.oneOf('availability', availabilities) ?? 'active';
  }

  /** As a map, or as a list of `key=value`. */
  private labels(): Record<string, string> {
    const map = this.section.sections.get('labels');
    const list = this.entry('labels');
    const pairs = map
      ? [...map.entries.values()].map(
          (written) => [written.key, this.labelValue(written), written.origin] as const,
        )
      : this.listOf(list).map((text) => [...splitLabel(text), list?.origin ?? ''] as const);
    for (const [key, value, origin] of pairs) {
      const fault = labelFault(key, value);
      if (fault !== undefined) throw new UserError(`${origin}: ${fault}`);
    }
    return Object.fromEntries(pairs);
  }

  private labelValue({ value = '', key, origin }: WrittenSetting): string {
    if (typeof value === 'string') return value;
    throw new UserError(`${origin}: the label ${key} must be one value`);
  }

  /** The group's driver settings. A setting without a flag applies to the whole driver. */
  private settings(driver: string, definitions: readonly SettingDefinition[]): GroupSettings {
    const ownSettings = definitions.flatMap((definition) => {
      const written = groupKeys.includes(definition.key as GroupKey) ? undefined : this.entry(definition.key);
      if (written?.value === undefined) return [];
      if (definition.flag === false) {
        throw new UserError(
          `${written.origin}: ${definition.key} is the same for all machines of the ${driver} driver`,
          { hint: `set it in the section "${driver}"` },
        );
      }
      const value = convertSetting(written.value, definition, written.origin);
      return [[definition.key, { value, origin: written.origin }] as const];
    });
    return Object.fromEntries(ownSettings);
  }

  private engine(): Group['engine'] {
    const written = this.entry(engineSection);
    if (written?.value !== undefined)
      throw new UserError(`${written.origin}: "engine" must hold settings by name`, {
        hint: 'engine: {access: local}',
      });
    const ownSettings =
      this.section.sections.get(engineSection)?.entries ?? new Map<string, WrittenSetting>();
    const keys = engineOptionKeys;
    for (const each of ownSettings.values()) refuseUnknown(each, keys, 'an engine setting');
    const settings = entriesWithValue(this.section.sections.get(engineSection)).map(
      ({ key, value, origin }) => [key, { value, origin }] as const,
    );
    return resolveEngineSettings({ ...this.sources, group: Object.fromEntries(settings) });
  }

  /** Environment and other files only apply to new machines. */
  private ownEngineKeys(): Group['ownEngineKeys'] {
    const ownSettings = entriesWithValue(this.section.sections.get(engineSection)).map(({ key }) => key);
    const settings = new Set([...this.common, ...ownSettings]);
    return engineOptionKeys.filter((word) => settings.has(word));
  }

  private oneOf<T extends string>(key: GroupKey, words: readonly T[]): T | undefined {
    const text = this.text(key);
    const found = words.find((word) => word === text);
    if (found ?? text === undefined) return found;
    throw new UserError(`${this.originOf(key)}: ${key} must be ${words.join(' or ')}, not "${text}"`);
  }

  private text(key: GroupKey): string | undefined {
    const written = this.entry(key);
    if (written?.value === undefined || typeof written.value === 'string') return written?.value;
    throw new UserError(`${written.origin}: ${key} must be one value`);
  }

  private listOf(written: WrittenSetting | undefined): readonly string[] {
    if (written?.value === undefined) return [];
    return convertSetting(
      written.value,
      { key: written.key, type: 'list' },
      written.origin,
    ) as readonly string[];
  }

  private entry(key: string): WrittenSetting | undefined {
    return this.section.entries.get(key);
  }

  private originOf(key: string): string {
    return this.entry(key)?.origin ?? this.section.origin;
  }
}

/** Entries with a value; a key without one sets nothing. */
function entriesWithValue(
  section: Section | undefined,
): (WrittenSetting & { value: NonNullable<WrittenSetting['value']> })[] {
  const written = [...(section?.entries.values() ?? [])];
  return written.flatMap((each) => (each.value === undefined ? [] : [{ ...each, value: each.value }]));
}

function splitLabel(text: string): readonly [string, string] {
  const cut = text.indexOf('=');
  return cut === -1 ? [text, ''] : [text.slice(0, cut), text.slice(cut + 1)];
}

function withOrigin({ origin }: { origin: string }, { message, hint }: UserError): UserError {
  return new UserError(`${origin}: ${message}`, hint === undefined ? {} : { hint });
}
