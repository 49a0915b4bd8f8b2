import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The part of oclif's manifest that completion reads. */
export interface Commands {
  commands: Readonly<Record<string, CommandInfo>>;
}

export interface CommandInfo {
  summary?: string;
  hidden?: boolean;
  args: Readonly<Record<string, { name: string; options?: readonly string[] }>>;
  flags: Readonly<Record<string, FlagInfo>>;
}

export interface FlagInfo {
  name: string;
  char?: string;
  summary?: string;
  description?: string;
  hidden?: boolean;
  type: 'boolean' | 'option';
  allowNo?: boolean;
  helpGroup?: string;
  helpValue?: string;
  options?: readonly string[];
}

/** @param root folder of the belt package */
export async function readCommands(root: string): Promise<Commands> {
  return JSON.parse(await readFile(join(root, 'oclif.manifest.json'), 'utf8')) as Commands;
}

/** @param words such as `swarm join` */
export function commandOf({ commands }: Commands, words: readonly string[]): CommandInfo | undefined {
  return Object.hasOwn(commands, words.join(':')) ? commands[words.join(':')] : undefined;
}

/** The commands (with summaries) and topics below a topic. */
export function subcommandsOf({ commands }: Commands, words: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [id, { summary = '', hidden }] of Object.entries(commands)) {
    const path = id.split(':');
    const next = path[words.length];
    if (hidden || next === undefined || !words.every((word, index) => path[index] === word)) continue;
    if (path.length === words.length + 1) found.set(next, summary);
    else if (!found.has(next)) found.set(next, '');
  }
  return found;
}
