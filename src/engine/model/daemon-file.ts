import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../base/errors.js';
import { accessKeys, type DaemonOption, engineSocket, isTcpHost, keyOf } from './daemon-options.js';
import {
  daemonFileCopyPath,
  daemonFilePath,
  daemonFileStagedPath,
  daemonFileWrittenPath,
} from './engine-paths.js';
import type { EngineFile } from './provisioner.js';
import {
  formatJsonFile,
  isObject,
  type JsonKeys,
  parseJsonFile,
  requireUniqueKeys,
  type UndoResult,
  undoChanges,
} from './undo-changes.js';

/** File contents by path. */
type Files = ReadonlyMap<string, string>;

/** How options are divided between daemon.json and the command line. */
export interface OptionSplit {
  /** Options for the command line. */
  flags: DaemonOption[];
  /** Options for daemon.json, which the command line must not contain. */
  inFile: DaemonOption[];
  /** When true, the command line must not contain hosts. */
  fileHasHosts: boolean;
  /** Changes to daemon.json, preceded by the copies needed to undo them. */
  files: EngineFile[];
}

/**
 * dockerd refuses an option that is set both as a flag and in daemon.json, so options already in
 * the file are merged there and the rest become flags. TCP hosts and TLS keys are always belt's.
 * Earlier changes by belt that are no longer wanted are undone.
 * @throws UserError when the file is not a JSON object or holds a value that cannot be merged
 */
export function splitOptions(machineFiles: Files, options: readonly DaemonOption[]): OptionSplit {
  const { text } = withoutBelt(machineFiles);
  if (text === undefined || text.trim() === '') {
    return { flags: [...options], inFile: [], fileHasHosts: false, files: [] };
  }
  const before = parseJsonFile(daemonFilePath, text);
  const after = withoutOldAccess(before, options);
  const inFile = options.filter(({ key }) => before.has(key));
  for (const option of inFile) after.set(option.key, mergedValue(after.get(option.key), option));
  const isChanged = !isDeepStrictEqual(after, before);
  if (isChanged) requireUniqueKeys(daemonFilePath, text);
  return {
    flags: options.filter((option) => !inFile.includes(option)),
    inFile,
    fileHasHosts: before.has('hosts'),
    files: hasSameContent(machineFiles.get(daemonFilePath), after)
      ? []
      : changedFiles(text, isChanged ? formatJsonFile(after, text) : text),
  };
}

/** As if belt had never changed it. @throws UserError when it is not a JSON object */
export function withoutBelt(machineFiles: Files): UndoResult {
  const current = machineFiles.get(daemonFilePath);
  const before = machineFiles.get(daemonFileCopyPath);
  // A script that was killed may have replaced only daemon.json.
  const isReplaced = current !== undefined && current === machineFiles.get(daemonFileStagedPath);
  const written = isReplaced ? current : machineFiles.get(daemonFileWrittenPath);
  if (before === undefined || written === undefined) {
    return { ...(current !== undefined && { text: current }), conflicts: [] };
  }
  return undoChanges(daemonFilePath, before, written, current);
}

function hasSameContent(text: string | undefined, keys: JsonKeys): boolean {
  return text !== undefined && isDeepStrictEqual(parseJsonFile(daemonFilePath, text), keys);
}

/** The two copies show later which changes are belt's. */
function changedFiles(before: string, after: string): EngineFile[] {
  return [
    { path: daemonFileCopyPath, content: before, mode: 0o600, why: `${daemonFilePath} without belt` },
    {
      path: daemonFilePath,
      content: after,
      mode: 0o644,
      shared: true,
      why: 'options that are already set there',
    },
    { path: daemonFileWrittenPath, content: after, mode: 0o600, why: `${daemonFilePath} as belt writes it` },
  ];
}

function withoutOldAccess(before: JsonKeys, options: readonly DaemonOption[]): JsonKeys {
  const wanted = new Set(options.map(({ key }) => key));
  const after = new Map([...before].filter(([key]) => !accessKeys.has(key) || wanted.has(key)));
  const hosts = before.get('hosts');
  if (Array.isArray(hosts)) {
    const local = hosts.filter((host) => !isTcpHost(String(host)));
    after.set('hosts', local.length > 0 ? local : [engineSocket]);
  }
  return after;
}

function mergedValue(current: unknown, option: DaemonOption): unknown {
  const { key, value } = option;
  if (accessKeys.has(key)) return key.startsWith('tlsc') || key === 'tlskey' ? value : value === 'true';
  const merged = Array.isArray(current) ? mergedList(current, option) : mergedObject(current, option);
  if (merged !== undefined) return merged;
  if (option.form === 'value') {
    if (typeof current === 'boolean') return value === 'true';
    if (typeof current === 'number' && !Number.isNaN(Number(value))) return Number(value);
    if (typeof current === 'string') return value;
  }
  throw new UserError(`${daemonFilePath} has "${key}" in a form that cannot be merged with "${value}"`, {
    hint: 'set it only in that file, or remove it there',
  });
}

function mergedList(current: readonly unknown[], { form, value }: DaemonOption): unknown[] | undefined {
  const isThere = current.includes(value);
  if (form === 'list') return isThere ? [...current] : [...current, value];
  if (form === 'resources') return isThere ? [...current] : [...current.filter(isOther(value)), value];
  if (form === 'assignments') {
    const at = current.findIndex((item) => typeof item === 'string' && keyOf(item) === keyOf(value));
    return at === -1 ? [...current, value] : current.with(at, value);
  }
  if (form !== 'pools') return undefined;
  const { base, size } = Object.fromEntries(value.split(',').map((part) => part.split('=', 2)));
  const at = current.findIndex((item) => isObject(item) && Object.is(item['base'], base));
  const pool = { base, size: Number(size) };
  return at === -1 ? [...current, pool] : current.with(at, pool);
}

/** Whether an element stays beside a resource: of one kind, either one number or several names. */
function isOther(resource: string): (item: unknown) => boolean {
  const kind = keyOf(resource);
  const isName = (text: string) => Number.isNaN(Number(text.slice(kind.length + 1)));
  return (item) => typeof item !== 'string' || keyOf(item) !== kind || (isName(item) && isName(resource));
}

function mergedObject(current: unknown, { flag, form, value }: DaemonOption): unknown {
  if (!isObject(current)) return undefined;
  const name = keyOf(value);
  const rest = value.slice(name.length + 1);
  if (form === 'nested') return { ...current, [flag]: value };
  if (form === 'map') return { ...current, [name]: rest };
  if (form === 'switches') return { ...current, [name]: rest === '' || rest === 'true' };
  if (form === 'runtimes') return { ...current, [name]: { path: rest } };
  if (form === 'ulimits') {
    const [soft = '', hard = soft] = rest.split(':');
    return { ...current, [name]: { Name: name, Soft: Number(soft), Hard: Number(hard) } };
  }
  if (form !== 'network-opts') return undefined;
  const key = keyOf(rest);
  const options = isObject(current[name]) ? current[name] : {};
  return { ...current, [name]: { ...options, [key]: rest.slice(key.length + 1) } };
}
