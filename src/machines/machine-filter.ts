import { nameHint } from '../base/closest.js';
import { UsageError } from '../base/errors.js';
import type { MachineStateRow } from './list-states.js';
import { type Machine, parseState } from './model/machine.js';

/** `ls --filter`; `recorded` needs no query. */
interface MachineFilter {
  recorded(machine: Machine): boolean;
  queried(row: MachineStateRow): boolean;
}

const keys = ['swarm', 'driver', 'state', 'name', 'label'] as const;
type Key = (typeof keys)[number];

/**
 * As in docker-machine, values of one key are alternatives, and different keys must all match.
 * @throws UsageError
 */
export function parseFilters(filters: readonly string[]): MachineFilter {
  const valuesByKey = new Map<Key, string[]>();
  for (const filter of filters) {
    const [key, value] = parseFilter(filter);
    valuesByKey.set(key, [...(valuesByKey.get(key) ?? []), value]);
  }
  const states = valuesByKey.get('state')?.map((value) => parseState(value) ?? value);
  if (states) valuesByKey.set('state', states);
  const names = (valuesByKey.get('name') ?? []).map(nameExpression);
  const matches = (key: Key, actual: string): boolean =>
    !valuesByKey.has(key) ||
    (valuesByKey.get(key) ?? []).some((value) => value.toLowerCase() === actual.toLowerCase());
  return {
    recorded: ({ name, driver, engine }) =>
      (!valuesByKey.has('name') || names.some((pattern) => pattern.test(name))) &&
      matches('driver', driver) &&
      (!valuesByKey.has('label') ||
        (valuesByKey.get('label') ?? []).some((label) => engine?.labels.includes(label))),
    queried: ({ state, swarm = '' }) => matches('state', state) && matches('swarm', swarm),
  };
}

function parseFilter(filter: string): [Key, string] {
  const [, word, value] = /^([^=]+)=(.*)$/s.exec(filter) ?? [];
  if (word === undefined || value === undefined)
    throw new UsageError(`invalid filter "${filter}"`, { hint: '--filter state=running' });
  const key = keys.find((candidate) => candidate === word.trim().toLowerCase());
  if (!key) throw new UsageError(`invalid filter key "${word}"`, { hint: nameHint(word, keys) });
  return [key, value];
}

function nameExpression(value: string): RegExp {
  try {
    return new RegExp(value, 'u');
  } catch {
    throw new UsageError(`"${value}" is not a regular expression`, { hint: "--filter name='^node[12]$'" });
  }
}
