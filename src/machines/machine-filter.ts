import { UsageError } from '../base/errors.js';
import type { MachineStateRow } from './list-states.js';
import type { Machine } from './model/machine.js';

/** What `ls --filter` selects; `recorded` needs no query to a machine. */
export interface MachineFilter {
  recorded(machine: Machine): boolean;
  queried(row: MachineStateRow): boolean;
}

const keys = ['swarm', 'driver', 'state', 'name', 'label'] as const;
type Key = (typeof keys)[number];

/**
 * Reads `KEY=VALUE`s as docker-machine does: the same key again widens, another one narrows. `name` is a regular expression
 * found anywhere in the name.
 * @throws UsageError
 */
export function parseFilters(filters: readonly string[]): MachineFilter {
  const wanted = new Map<Key, string[]>();
  for (const filter of filters) {
    const [key, value] = parseFilter(filter);
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  const names = (wanted.get('name') ?? []).map(nameExpression);
  const allows = (key: Key, actual: string): boolean =>
    !wanted.has(key) || (wanted.get(key) ?? []).some((value) => value.toLowerCase() === actual.toLowerCase());
  return {
    recorded: ({ name, driver, engine }) =>
      (!wanted.has('name') || names.some((pattern) => pattern.test(name))) &&
      allows('driver', driver) &&
      (!wanted.has('label') || (wanted.get('label') ?? []).some((label) => engine?.labels.includes(label))),
    queried: ({ state, swarm = '' }) => allows('state', state) && allows('swarm', swarm),
  };
}

/** Messages are docker-machine's. */
function parseFilter(filter: string): [Key, string] {
  const [, word, value] = /^([^=]+)=(.*)$/s.exec(filter) ?? [];
  if (word === undefined || value === undefined)
    throw new UsageError(`Unsupported filter syntax: "${filter}"`, { hint: '--filter state=running' });
  const key = keys.find((candidate) => candidate === word.trim().toLowerCase());
  if (!key)
    throw new UsageError(`Unsupported filter key '${word}'`, { hint: `one of the keys ${keys.join(', ')}` });
  return [key, value];
}

function nameExpression(value: string): RegExp {
  try {
    return new RegExp(value, 'u');
  } catch {
    throw new UsageError(`"${value}" is not a regular expression`, {
      hint: "--filter name='^node[12]$'",
    });
  }
}
