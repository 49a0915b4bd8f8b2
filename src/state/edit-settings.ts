import { isDeepStrictEqual } from 'node:util';
import type { Node, Pair, YAMLMap } from 'yaml';
import { UserError } from '../base/errors.js';
import type { SettingValue } from './settings.js';
import { parseSettings, type Section, type SettingsFile, type WrittenSetting } from './settings-file.js';

/** What is to stand under a key of a settings file. */
export interface Edit {
  /** Omitted: the top level of the file. */
  section?: string;
  key: string;
  /** Omitted: the key is removed. */
  value?: SettingValue;
}

/**
 * Changes keys of a settings file. Everything else stays as the person wrote it, to the last blank:
 * the parser says where things stand, and only there is the text replaced.
 * @throws UserError when the file is not a settings file, or holds the key behind an alias, which
 * only the user can change
 */
export async function editSettings(path: string, text: string, edits: readonly Edit[]): Promise<string> {
  let edited = text;
  for (const edit of edits) {
    const before = plain(await parseSettings(path, edited));
    const wanted = withEdit(before, edit);
    if (isDeepStrictEqual(wanted, before)) continue;
    edited = await editOne(edited, edit);
    const after = await parseSettings(path, edited).catch(() => undefined);
    if (!after || !isDeepStrictEqual(plain(after), wanted)) throw uneditable(path, edit);
  }
  return edited;
}

function uneditable(path: string, { section, key }: Edit): UserError {
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
  const holder = top && pairOf(top, section, yaml);
  if (holder && yaml.isMap(holder.value)) return source.put(holder.value, key, pair);
  if (pair === undefined) return text;
  if (holder) return source.fillSection(holder, top as YAMLMap, pair);
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

/** Written so that it means the same between braces, where more characters count. */
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

  /** Sets a key of the map, or with no pair removes it. */
  put(map: YAMLMap | undefined, key: string, pair: PairText | undefined): string {
    const found = map && pairOf(map, key, this.yaml);
    if (!map) return pair ? this.append(pair) : this.text;
    if (!pair) return found ? this.remove(found, map) : this.text;
    return found
      ? this.replaceValue(found, pair.inline.slice(pair.inline.indexOf(': ') + 2))
      : this.insert(map, pair);
  }

  /** Puts the first pair into a section with nothing behind its name. */
  fillSection(holder: Pair, around: YAMLMap, pair: PairText): string {
    const colon = this.colonOf(holder);
    if (around.flow) return this.splice(colon + 1, colon + 1, ` {${pair.inline}}`);
    const indent = `${this.indentOf(holder)}  `;
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

  /** A value that begins on a later line than its key makes room for one on the same line. */
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

  /** Where the pair's text ends, without the line's end and its comment. */
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

/** What a file says, without where; what says nothing is left out. */
type Plain = Record<string, unknown>;

function plain({ general, sections }: Pick<SettingsFile, 'general' | 'sections'>): Plain {
  return tidy({ ...valuesIn(general), ...sectionsIn(sections) });
}

function valuesIn(entries: ReadonlyMap<string, WrittenSetting>): Plain {
  return Object.fromEntries([...entries.values()].map(({ key, value }) => [key, value]));
}

function sectionsIn(sections: ReadonlyMap<string, Section>): Plain {
  return Object.fromEntries(
    [...sections.values()].map(({ key, entries, sections: inner }) => [
      key,
      tidy({ ...valuesIn(entries), ...sectionsIn(inner) }),
    ]),
  );
}

function withEdit(before: Plain, { section, key, value: written }: Edit): Plain {
  // As files are read: numbers and the like as they are written.
  const value = written === undefined || typeof written === 'object' ? written : String(written);
  if (section === undefined) return tidy({ ...before, [key]: value });
  return tidy({ ...before, [section]: tidy({ ...(before[section] as Plain | undefined), [key]: value }) });
}

function tidy(values: Plain): Plain {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value as Plain).length === 0;
}
