import type { Document, LineCounter, Node, Pair } from 'yaml';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';

/** A `.belt.yaml` or a cluster's `config.yml`. Types are checked where a value is used. */
export interface SettingsFile {
  path: string;
  general: ReadonlyMap<string, WrittenSetting>;
  sections: ReadonlyMap<string, Section>;
}

export interface WrittenSetting {
  key: string;
  /** As written (`0755` stays `0755`); undefined for a key without a value. */
  value: string | readonly string[] | undefined;
  /** For example `/p/.belt.yaml line 3`. */
  origin: string;
}

export interface Section {
  key: string;
  entries: ReadonlyMap<string, WrittenSetting>;
  /** Nested maps, such as a group's labels; they hold only values. */
  sections: ReadonlyMap<string, Section>;
  origin: string;
}

/** Skips missing files. @throws UserError when one is invalid or unreadable */
export async function readSettingsFiles(paths: readonly string[]): Promise<SettingsFile[]> {
  const files: SettingsFile[] = [];
  for (const path of paths) {
    const text = await readText(path);
    if (text !== undefined) files.push(await parseSettings(path, text));
  }
  return files;
}

/** @throws UserError with the line that is not YAML or not a setting */
export async function parseSettings(path: string, text: string): Promise<SettingsFile> {
  const yaml = await import('../base/yaml.js');
  const { document, lines, fault } = yaml.parseYaml(text);
  if (fault !== undefined) throw badLine(path, fault);
  return new SettingsReader(path, document, lines, yaml).read();
}

/** A group and its labels. */
const deepestMap = 2;

class SettingsReader {
  constructor(
    private readonly path: string,
    private readonly document: Document,
    private readonly lines: LineCounter,
    private readonly yaml: typeof import('../base/yaml.js'),
  ) {}

  read(): SettingsFile {
    const { contents } = this.document;
    if (contents === null || (this.yaml.isScalar(contents) && contents.value === null))
      return { path: this.path, general: new Map(), sections: new Map() };
    const { entries, sections } = this.readMap(contents, deepestMap);
    return { path: this.path, general: entries, sections };
  }

  /** @param depth how many more levels of maps are allowed */
  private readMap(map: Node, depth: number): Pick<Section, 'entries' | 'sections'> {
    const entries = new Map<string, WrittenSetting>();
    const sections = new Map<string, Section>();
    for (const pair of this.pairs(map)) {
      const { key, origin } = this.keyOf(pair);
      const value = this.resolve(pair.value);
      if (depth > 0 && this.yaml.isMap(value))
        sections.set(key, { key, origin, ...this.readMap(value, depth - 1) });
      else entries.set(key, { key, origin, value: this.valueOf(value, origin) });
    }
    return { entries, sections };
  }

  private pairs(node: Node): Pair[] {
    if (this.yaml.isMap(node)) return node.items;
    throw badLine(this.originOf(node), 'is not of the form "KEY: VALUE"');
  }

  private keyOf({ key }: Pair): { key: string; origin: string } {
    const node = this.yaml.isScalar(key) ? key : undefined;
    const origin = this.originOf(node);
    if (!node) throw badLine(origin, 'has a key that is not a plain word');
    if (node.value === '<<') throw badLine(origin, 'merges a map ("<<"): write its settings out');
    return { key: String(node.value), origin };
  }

  /** Follows an alias (`*name`). */
  private resolve(node: unknown): unknown {
    return this.yaml.isAlias(node) ? node.resolve(this.document) : node;
  }

  private valueOf(node: unknown, origin: string): WrittenSetting['value'] {
    if (node === null || node === undefined) return undefined;
    if (this.yaml.isScalar(node)) return this.textOf(node);
    if (this.yaml.isSeq(node)) return node.items.map((item) => this.itemOf(this.resolve(item), origin));
    throw notAValueError(origin);
  }

  private itemOf(node: unknown, origin: string): string {
    const text = this.yaml.isScalar(node) ? this.textOf(node) : undefined;
    if (text === undefined) throw badLine(origin, 'holds a list of more than plain values');
    return text;
  }

  private textOf(node: { value: unknown; source?: string }): string | undefined {
    if (node.value === null) return undefined;
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  }

  private originOf(node: Node | undefined): string {
    return `${this.path} line ${this.lines.linePos(node?.range?.[0] ?? 0).line}`;
  }
}

/** A map in place of a value. */
export function notAValueError(origin: string): UserError {
  return badLine(origin, 'holds neither a value nor a list of values');
}

function badLine(origin: string, reason: string): UserError {
  return new UserError(`${origin} ${reason}`, {
    hint: 'compare it with .belt.example.yaml; docs/configuration.md describes the format',
  });
}
