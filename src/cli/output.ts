import { UsageError } from '../base/errors.js';
import type { GoValue } from '../ui/go-template/index.js';
import { oneLine, safeJson } from '../ui/safe-text.js';
import type { FlagValues, outputFlags } from './global-flags.js';

/** For help and completion. */
export const outputFormats = ['table', 'wide', 'json', 'yaml', 'name', 'go-template='] as const;

export interface Output {
  format: 'table' | 'wide' | 'json' | 'yaml' | 'name' | 'go-template';
  /** Formats the result as in docs/output.md. Default: the command prints its own view. */
  render?(result: unknown): string;
}

interface DocumentOptions {
  /** Whether secrets are what the user asked for. */
  secrets?: boolean;
}

/** @throws UsageError for an unknown format; UserError for a bad template */
export async function openOutput(
  { output, json }: FlagValues<typeof outputFlags>,
  options: DocumentOptions = {},
): Promise<Output> {
  if (json && (output ?? 'json').toLowerCase() !== 'json')
    throw new UsageError(`--json cannot be combined with --output ${output}`);
  const text = json ? 'json' : (output ?? 'table');
  const [format, template] = /^(go-template)=(.*)$/is.exec(text)?.slice(1) ?? [text.toLowerCase()];
  if (template !== undefined)
    return { format: 'go-template', render: await templateOutput(template, options) };
  switch (format) {
    case 'table':
    case 'wide':
      return { format };
    case 'json':
    case 'yaml':
      return { format, render: await documentFormatter(format, options) };
    case 'name':
      return { format, render: (result) => namesIn(result).map(oneLine).join('\n') };
    default:
      throw new UsageError(
        `unknown output format "${text}": use table, wide, json, yaml, name or go-template=TEMPLATE`,
      );
  }
}

/** Loads the YAML package on first use. */
export async function documentFormatter(
  format: 'json' | 'yaml',
  options: DocumentOptions = {},
): Promise<(document: unknown) => string> {
  if (format === 'json') return (document) => safeJson(document, { ...options, indent: 2 });
  const { stringify } = await import('../base/yaml.js');
  return (document) => stringify(asGoValue(document, options), { lineWidth: 0 }).trimEnd();
}

async function templateOutput(text: string, options: DocumentOptions): Promise<(result: unknown) => string> {
  const { expandEscapes, parseGoTemplate } = await import('../ui/go-template/index.js');
  const template = parseGoTemplate(expandEscapes(text));
  return (result) => template.render(asGoValue(result, options)).replace(/\n$/, '');
}

/** Drops undefined properties, which neither YAML nor a template should show. */
export function asGoValue(document: unknown, options: DocumentOptions = {}): GoValue {
  return JSON.parse(safeJson(document, options)) as GoValue;
}

/** For errors in a command line that could not be parsed. @returns undefined: text on stderr */
export function documentFormatIn(words: readonly string[]): 'json' | 'yaml' | undefined {
  for (const [index, word] of words.entries()) {
    if (word === '--') return undefined;
    if (/^--?json(=true)?$/.test(word)) return 'json';
    const attached = /^(?:-o=?|--?output=)(json|yaml)$/i.exec(word)?.[1];
    const given = attached ?? (/^(-o|--?output)$/.test(word) ? words[index + 1] : undefined);
    const format = given?.toLowerCase();
    if (format === 'json' || format === 'yaml') return format;
  }
  return undefined;
}

/** The properties that identify a result, most specific first. */
const nameKeys = [
  'name',
  'ok',
  'certificates',
  'differences',
  'done',
  'strays',
  'driver',
  'task',
  'machine',
  'kind',
  'names',
  'node',
  'manager',
  'cluster',
  'active',
  'removed',
  'version',
  'managers',
  'nodes',
] as const;

/** For `-o name`: the name of each list entry, or of each success in a report. */
export function namesIn(result: unknown): string[] {
  if (typeof result === 'string') return [result];
  if (Array.isArray(result)) return result.flatMap(namesIn);
  if (typeof result !== 'object' || result === null) return [];
  const record = result as Record<string, unknown>;
  const key = nameKeys.find((candidate) => record[candidate] !== undefined);
  return key === undefined ? [] : namesIn(record[key]);
}
