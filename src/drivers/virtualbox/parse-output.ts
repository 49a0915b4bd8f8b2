import type { MachineState } from '../../machines/model/machine.js';

export interface RegisteredVm {
  uuid: string;
  name: string;
}

/** Lines of `"node1" {68d83c0f-...}`; names may contain quotes and braces. */
export function readVms(text: string): RegisteredVm[] {
  return [...text.matchAll(/^"(.*)" \{([0-9a-f-]{36})\}\s*$/gm)].map(([, name = '', uuid = '']) => ({
    name,
    uuid,
  }));
}

/** `key="value"`, `key=value` or `"key"="value"` per line; values may span lines. */
export function readInfo(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const pattern = /^(?:"([^"\r\n]+)"|([^"=\r\n]+))=(?:"((?:[^"]|"(?!\r?\n|$))*)"|([^\r\n]*))\r?$/gm;
  for (const [, quoted, plain = '', text1, text2 = ''] of text.matchAll(pattern))
    found.set(quoted ?? plain.trim(), text1 ?? text2);
  return found;
}

/** Blocks of `Key:   value` lines, separated by blank lines. */
export function readBlocks(text: string): ReadonlyMap<string, string>[] {
  const blocks = text.split(/\r?\n\s*\r?\n/).map((block) => {
    const pairs = [...block.matchAll(/^([^:\r\n]+):[ \t]*(.*?)[ \t]*\r?$/gm)];
    return new Map(pairs.map(([, key = '', value = '']) => [key, value] as const));
  });
  return blocks.filter((block) => block.size > 0);
}

/** `Value: x`; undefined for `No value set!`. */
export function readExtraData(text: string): string | undefined {
  return /^Value: (.*?)\r?$/m.exec(text)?.[1];
}

/** Of `VMState` in showvminfo. @see MachineState in VirtualBox's SDK; 7.2 has all of these */
const states: Readonly<Record<string, MachineState>> = {
  poweroff: 'stopped',
  aborted: 'stopped',
  teleported: 'stopped',
  saved: 'saved',
  'aborted-saved': 'saved',
  running: 'running',
  livesnapshotting: 'running',
  onlinesnapshotting: 'running',
  teleporting: 'running',
  deletingsnapshotlive: 'running',
  paused: 'paused',
  teleportingpausedvm: 'paused',
  deletingsnapshotlivepaused: 'paused',
  starting: 'starting',
  restoring: 'starting',
  stopping: 'stopping',
  saving: 'stopping',
  snapshotting: 'stopped',
  restoringsnapshot: 'stopped',
  deletingsnapshot: 'stopped',
  settingup: 'stopped',
  gurumeditation: 'error',
};

export function stateOf(word: string | undefined): MachineState {
  return (word !== undefined && Object.hasOwn(states, word) ? states[word] : undefined) ?? 'error';
}
