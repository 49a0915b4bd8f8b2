import { isDeepStrictEqual } from 'node:util';
import type { Node, Pair, YAMLMap } from 'yaml';
import { UserError } from '../base/errors.js';
import type { SettingValue } from './settings.js';
import { parseSettings, type Section, type SettingsFile, type WrittenSetting } from './settings-file.js';

/** A change of one key in a settings file. */
export interface Edit {
  /** Omitted: the top level of the file. */
  section?: string;
  key: string;
  /** Omitted: the key is removed. */
  value?: SettingValue;
}

/**
 * Changes no other text. @throws UserError when the file is invalid, or the key is behind an alias
 */
export async function editSettings(path: string, text: string, edits: readonly Edit[]): Promise<string> {
  let edited = text;
  for (const edit of edits) {
    const before = plainValues(await parseSettings(path, edited));
    const expected = withEdit(before, edit);
    if (isDeepStrictEqual(expected, before)) continue;
    edited = await editOne(edited, edit);
    const after = await parseSettings(path, edited).catch(() => undefined);
    if (!after || !isDeepStrictEqual(plainValues(after), expected)) throw uneditableError(path, edit);
  }
  return edited;
}

function uneditableError(path: string, { section, key }: Edit): UserError {
  const where = section === undefined ? key : `${section}: ${key}`;
  return new UserError(`${path} holds "${where}" in a form that belt cannot change`, {
    hint: 'change it there by hand',
  });
}

async function editOne(text: string, { section, key, value }: Edit): Promise<string> {
  const yaml = await import('../base/yaml.js');
  const document = yaml.parseDocument(text);
  const source = new Source(text, yaml);
  const top = yaml.isMap(document.contents) ? document.contents : undefined;
  const pair = value === undefined ? undefined : pairText(key, value, yaml);
  if (section === undefined) return source.put(top, key, pair);
  const sectionPair = top && pairOf(top, section, yaml);
  if (sectionPair && yaml.isMap(sectionPair.value)) return source.put(sectionPair.value, key, pair);
  if (pair === undefined) return text;
  if (sectionPair) return source.fillSection(sectionPair, top as YAMLMap, pair);
  return source.put(top, section, {
    inline: `${section}: {${pair.inline}}`,
    block: [`${section}:`, `  ${pair.inline}`],
  });
}

type Yaml = typeof import('../base/yaml.js');

/** A new `key: value`, on one line and as the lines of a block. */
interface PairText {
  inline: string;
  block: readonly string[];
}

/** Quoted for a flow map (`{}`), where more characters are special. */
function pairText(key: string, value: NonNullable<Edit['value']>, { stringify }: Yaml): PairText {
  const braced = stringify(
    { [key]: value },
    { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 },
  );
  const inline = braced.trim().slice(1, -1);
  return { inline, block: [inline] };
}

function pairOf(map: YAMLMap, key: string, { isScalar }: Yaml): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
}

class Source {
  constructor(
    private readonly text: string,
    private readonly yaml: Yaml,
  ) {}

  /** Without a pair, removes the key. */
  put(map: YAMLMap | undefined, key: string, pair: PairText | undefined): string {
    const found = map && pairOf(map, key, this.yaml);
    if (!map) return pair ? this.append(pair) : this.text;
    if (!pair) return found ? this.remove(found, map) : this.text;
    return found
      ? this.replaceValue(found, pair.inline.slice(pair.inline.indexOf(': ') + 2))
      : this.insert(map, pair);
  }

  /** Adds the first pair to an empty section. */
  fillSection(sectionPair: Pair, parent: YAMLMap, pair: PairText): string {
    const colon = this.colonOf(sectionPair);
    if (parent.flow) return this.splice(colon + 1, colon + 1, ` {${pair.inline}}`);
    const indent = `${this.indentOf(sectionPair)}  `;
    return this.insertLines(this.lineEnd(colon), indent, pair.block);
  }

  private append({ block }: PairText): string {
    const gap = this.text === '' || this.text.endsWith('\n') ? '' : '\n';
    return `${this.text}${gap}${block.join('\n')}\n`;
  }

  private insert(map: YAMLMap, pair: PairText): string {
    const last = map.items.at(-1);
    if (!last) return this.splice(startOf(map) + 1, startOf(map) + 1, pair.inline);
    const end = this.endOf(last);
    if (map.flow) return this.splice(end, end, `, ${pair.inline}`);
    return this.insertLines(this.lineEnd(end), this.indentOf(map.items[0] as Pair), pair.block);
  }

  /** A value on a later line than its key is replaced by one on the key's line. */
  private replaceValue(pair: Pair, value: string): string {
    const colon = this.colonOf(pair);
    const old = pair.value as Node | null;
    if (old === null || this.isEmpty(old)) return this.splice(colon + 1, colon + 1, ` ${value}`);
    const end = this.endOf(pair);
    const inline = !this.text.slice(colon, startOf(old)).includes('\n');
    return inline ? this.splice(startOf(old), end, value) : this.splice(colon + 1, end, ` ${value}`);
  }

  private remove(pair: Pair, map: YAMLMap): string {
    const end = this.endOf(pair);
    const start = startOf(pair.key as Node);
    if (!map.flow) {
      const rest = this.lineEnd(end);
      return this.splice(this.lineStart(start), Math.min(rest + 1, this.text.length), '');
    }
    const index = map.items.indexOf(pair);
    const [before, after] = [map.items[index - 1], map.items[index + 1]];
    if (before) return this.splice(this.endOf(before), end, '');
    return this.splice(start, after ? startOf(after.key as Node) : end, '');
  }

  private insertLines(at: number, indent: string, lines: readonly string[]): string {
    const before = at === 0 || this.text[at - 1] === '\n' ? '' : '\n';
    const after = before === '' ? '\n' : '';
    const body = lines.map((line) => `${indent}${line}`).join('\n');
    return this.splice(at, at, `${before}${body}${after}`);
  }

  private splice(start: number, end: number, replacement: string): string {
    return `${this.text.slice(0, start)}${replacement}${this.text.slice(end)}`;
  }

  /** Where the pair's text ends, before the line break and a comment. */
  private endOf(pair: Pair): number {
    const value = pair.value as Node | null;
    if (value === null || this.isEmpty(value)) return this.colonOf(pair) + 1;
    const last = this.yaml.isCollection(value) && !value.flow ? value.items.at(-1) : undefined;
    if (this.yaml.isPair(last)) return this.endOf(last);
    const end = (last as Node | undefined)?.range?.[1] ?? value.range?.[1] ?? 0;
    return this.text[end - 1] === '\n' ? end - 1 : end;
  }

  private isEmpty(node: Node): boolean {
    return this.yaml.isScalar(node) && node.value === null && node.source === '';
  }

  private colonOf({ key }: Pair): number {
    return this.text.indexOf(':', (key as Node).range?.[1] ?? 0);
  }

  private indentOf({ key }: Pair): string {
    const start = startOf(key as Node);
    return ' '.repeat(start - this.lineStart(start));
  }

  private lineStart(position: number): number {
    return this.text.lastIndexOf('\n', position - 1) + 1;
  }

  private lineEnd(position: number): number {
    const end = this.text.indexOf('\n', position);
    return end === -1 ? this.text.length : end;
  }
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** The values of a file without positions or empty entries. */
type Values = Record<string, unknown>;

function plainValues({ general, sections }: Pick<SettingsFile, 'general' | 'sections'>): Values {
  return withoutEmpty({ ...valuesIn(general), ...sectionsIn(sections) });
}

function valuesIn(entries: ReadonlyMap<string, WrittenSetting>): Values {
  return Object.fromEntries([...entries.values()].map(({ key, value }) => [key, value]));
}

function sectionsIn(sections: ReadonlyMap<string, Section>): Values {
  return Object.fromEntries(
    [...sections.values()].map(({ key, entries, sections: inner }) => [
      key,
      withoutEmpty({ ...valuesIn(entries), ...sectionsIn(inner) }),
    ]),
  );
}

function withEdit(before: Values, { section, key, value: written }: Edit): Values {
  // Files are read with numbers and booleans as text.
  const value = written === undefined || typeof written === 'object' ? written : String(written);
  if (section === undefined) return withoutEmpty({ ...before, [key]: value });
  return withoutEmpty({
    ...before,
    [section]: withoutEmpty({ ...(before[section] as Values | undefined), [key]: value }),
  });
}

function withoutEmpty(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value as Values).length === 0;
}
