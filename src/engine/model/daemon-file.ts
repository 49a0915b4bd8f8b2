import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../base/errors.js';
import { accessKeys, type DaemonOption } from './daemon-options.js';
import { daemonFileCopyPath, daemonFilePath, daemonFileWrittenPath } from './engine-paths.js';
import type { EngineFile } from './provisioner.js';
import { formatJsonFile, type JsonKeys, parseJsonFile, type Undone, undoChanges } from './undo-changes.js';

/** The texts of a machine's files, by path. */
type Files = ReadonlyMap<string, string>;

/** How daemon.json and the command line share the options between them. */
export interface Sharing {
  /** Those that daemon.json does not have: flags. */
  flags: DaemonOption[];
  /** Whether daemon.json says where the engine listens; the command line must not say it too. */
  fileHasHosts: boolean;
  /** daemon.json where it is to change, and before it what undoes that. */
  files: EngineFile[];
}

/**
 * dockerd does not start when an option is both a flag and in daemon.json. So an option that the file has stays in the file: lists
 * are joined, other values are put in their place; all else in the file stays as it is. What lets TCP clients in (`tcp://` hosts,
 * `tls...`) is belt's to say and leaves the file where it is not wanted. What belt has put there and is no longer asked for, goes.
 * @throws UserError when the file is not a JSON object, or holds an option in a form that cannot be merged
 */
export function shareOptions(machineFiles: Files, options: readonly DaemonOption[]): Sharing {
  const { text } = withoutBelt(machineFiles);
  if (text === undefined || text.trim() === '') {
    return { flags: [...options], fileHasHosts: false, files: [] };
  }
  const before = parseJsonFile(daemonFilePath, text);
  const after = withoutOldAccess(before, options);
  const inFile = options.filter(({ key }) => before.has(key));
  for (const option of inFile) after.set(option.key, merged(after.get(option.key), option));
  return {
    flags: options.filter((option) => !inFile.includes(option)),
    fileHasHosts: before.has('hosts'),
    files: saysSame(machineFiles.get(daemonFilePath), after)
      ? []
      : changedFiles(text, isDeepStrictEqual(after, before) ? text : formatJsonFile(after, text)),
  };
}

/**
 * daemon.json as it would be had belt never changed it: with all that others have changed in it, at any time.
 * @throws UserError when it is not a JSON object
 */
export function withoutBelt(machineFiles: Files): Undone {
  const current = machineFiles.get(daemonFilePath);
  const before = machineFiles.get(daemonFileCopyPath);
  const written = machineFiles.get(daemonFileWrittenPath);
  if (before === undefined || written === undefined) {
    return { ...(current !== undefined && { text: current }), conflicts: [] };
  }
  return undoChanges(daemonFilePath, before, written, current);
}

function saysSame(text: string | undefined, keys: JsonKeys): boolean {
  return text !== undefined && isDeepStrictEqual(parseJsonFile(daemonFilePath, text), keys);
}

/** The two beside tell the next time, and at the end, which changes are belt's. */
function changedFiles(before: string, after: string): EngineFile[] {
  return [
    { path: daemonFileCopyPath, content: before, mode: 0o600, why: `${daemonFilePath} without belt` },
    { path: daemonFileWrittenPath, content: after, mode: 0o600, why: `${daemonFilePath} as belt writes it` },
    {
      path: daemonFilePath,
      content: after,
      mode: 0o644,
      shared: true,
      why: 'options that are already set there',
    },
  ];
}

function withoutOldAccess(before: JsonKeys, options: readonly DaemonOption[]): JsonKeys {
  const wanted = new Set(options.map(({ key }) => key));
  const after = new Map([...before].filter(([key]) => !accessKeys.has(key) || wanted.has(key)));
  const hosts = before.get('hosts');
  if (Array.isArray(hosts)) {
    after.set(
      'hosts',
      hosts.filter((host) => !String(host).startsWith('tcp://')),
    );
  }
  return after;
}

function merged(current: unknown, { key, value, list }: DaemonOption): unknown {
  if (accessKeys.has(key)) return key.startsWith('tlsc') || key === 'tlskey' ? value : value === 'true';
  if (Array.isArray(current) && list) return current.includes(value) ? current : [...current, value];
  if (typeof current === 'boolean') return value === 'true';
  if (typeof current === 'number' && !Number.isNaN(Number(value))) return Number(value);
  if (typeof current === 'string') return value;
  throw new UserError(`${daemonFilePath} has "${key}" in a form that cannot be merged with "${value}"`, {
    hint: 'set it only in that file, or remove it there',
  });
}
