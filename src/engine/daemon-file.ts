import { UserError } from '../errors.js';
import { accessKeys, type DaemonOption } from './daemon-options.js';
import { daemonFilePath } from './paths.js';

/** How daemon.json and the command line share the options between them. */
export interface Sharing {
  /** Those that daemon.json does not have: flags. */
  flags: DaemonOption[];
  /** Whether daemon.json says where the engine listens; the command line must not say it too. */
  fileHasHosts: boolean;
  /** The text of daemon.json as it is to be; undefined when it stays as it is. */
  text?: string;
}

/**
 * dockerd does not start when an option is both a flag and in daemon.json. So an option that the file has stays in the file: lists
 * are joined, other values are put in their place; all else in the file stays as it is. What lets TCP clients in (`tcp://` hosts,
 * `tls...`) is belt's to say and leaves the file where it is not wanted.
 * @param text the file; undefined when there is none
 * @throws UserError when the file is no JSON object, or holds an option in a form that cannot be merged
 */
export function shareOptions(text: string | undefined, options: readonly DaemonOption[]): Sharing {
  if (text === undefined || text.trim() === '') return { flags: [...options], fileHasHosts: false };
  const before = parseObject(text);
  const after = withoutOldAccess(before, options);
  const inFile = options.filter(({ key }) => Object.hasOwn(before, key));
  for (const option of inFile) after[option.key] = merged(after[option.key], option);
  return {
    flags: options.filter((option) => !inFile.includes(option)),
    fileHasHosts: Object.hasOwn(before, 'hosts'),
    ...(JSON.stringify(after) !== JSON.stringify(before) && {
      text: `${JSON.stringify(after, undefined, indentOf(text))}\n`,
    }),
  };
}

type Json = Record<string, unknown>;

function parseObject(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  } catch (error) {
    throw new UserError(`${daemonFilePath} is not JSON: ${(error as Error).message}`, {
      hint: 'put it right on the machine; the engine cannot start with it either',
      cause: error,
    });
  }
  throw new UserError(`${daemonFilePath} is not a JSON object`, {
    hint: 'put it right on the machine; the engine cannot start with it either',
  });
}

function withoutOldAccess(before: Json, options: readonly DaemonOption[]): Json {
  const wanted = new Set(options.map(({ key }) => key));
  const kept = Object.entries(before).filter(([key]) => !accessKeys.has(key) || wanted.has(key));
  const after = Object.fromEntries(kept);
  const { hosts } = before;
  if (Array.isArray(hosts)) after['hosts'] = hosts.filter((host) => !String(host).startsWith('tcp://'));
  return after;
}

function merged(current: unknown, { key, value, list }: DaemonOption): unknown {
  if (accessKeys.has(key)) return key.startsWith('tlsc') || key === 'tlskey' ? value : value === 'true';
  if (Array.isArray(current) && list) return current.includes(value) ? current : [...current, value];
  if (typeof current === 'boolean') return value === 'true';
  if (typeof current === 'number' && !Number.isNaN(Number(value))) return Number(value);
  if (typeof current === 'string') return value;
  throw new UserError(`${daemonFilePath} has "${key}" in a form that cannot be joined with "${value}"`, {
    hint: 'set it in that file alone, or take it out of there',
  });
}

function indentOf(text: string): string | number {
  return /^([ \t]+)"/m.exec(text)?.[1] ?? 2;
}
