import type { Node, YAMLMap } from 'yaml';
import { nameHint } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import { isMap, isScalar, isSeq, parseYaml } from '../../base/yaml.js';
import { expandAddresses, expandNames } from '../../machines/model/patterns.js';
import { isHost, type WrittenHost } from '../../machines/model/ssh-host.js';
import { requirePort } from '../kit/define-settings.js';
import { parseJump } from './generic-settings.js';

export interface InventoryEntry {
  name: string;
  address: string;
  user?: string;
  port?: number;
  key?: string;
  jump?: WrittenHost;
}

const fields = ['name', 'address', 'user', 'port', 'key', 'jump'] as const;
type InventoryField = (typeof fields)[number];

/**
 * `name` and `address` may be patterns of equal length: `node[1:4]` at `10.0.0.[11:14]`.
 * @param path for messages. @throws UserError that names file and line
 */
export function parseInventory(path: string, text: string): InventoryEntry[] {
  const { document, lines, fault } = parseYaml(text);
  const at = (offset: number): string => `${path} line ${lines.linePos(offset).line}`;
  if (fault !== undefined) throw new UserError(`${path} ${fault}`);
  const { contents } = document;
  if (!isSeq(contents))
    throw new UserError(`${at(startOf(contents))} is not a list of servers`, { hint: example });

  const seen = new Map<string, string>();
  return contents.items.flatMap((item) => {
    const origin = at(startOf(item as Node));
    if (!isMap(item)) throw new UserError(`${origin} is not a server`, { hint: example });
    const entries = entriesOf(origin, readFields(item, at));
    for (const { name } of entries) {
      const earlier = seen.get(name);
      if (earlier !== undefined) throw new UserError(`${origin}: ${name} is already listed at ${earlier}`);
      seen.set(name, origin);
    }
    return entries;
  });
}

const example = 'list the servers: - {name: node1, address: 10.0.0.11, user: admin}';

interface WrittenValue {
  value: string;
  origin: string;
}

function readFields(map: YAMLMap, at: (offset: number) => string): Map<InventoryField, WrittenValue> {
  const found = new Map<InventoryField, WrittenValue>();
  for (const { key, value } of map.items) {
    const origin = at(startOf(key as Node));
    const field = isScalar(key) ? String(key.value) : '';
    if (!isField(field))
      throw new UserError(`${origin}: unknown field "${field}"`, { hint: nameHint(field, fields) });
    if (value === null || (isScalar(value) && value.value === null)) continue;
    if (!isScalar(value)) throw new UserError(`${origin}: ${field} must be one value`);
    const written = typeof value.value === 'string' ? value.value : (value.source ?? String(value.value));
    found.set(field, { value: written, origin });
  }
  return found;
}

function entriesOf(origin: string, written: Map<InventoryField, WrittenValue>): InventoryEntry[] {
  const names = listOf('name', origin, written, (pattern) => expandNames([pattern]));
  const addresses = listOf('address', origin, written, expandAddresses);
  if (names.length !== addresses.length)
    throw new UserError(`${origin}: ${names.length} names, but ${addresses.length} addresses`);
  const invalid = addresses.find((address) => !isHost(address));
  if (invalid !== undefined)
    throw new UserError(
      `${written.get('address')?.origin}: "${invalid}" is neither an IP address nor a host name`,
    );

  const { user, port, key, jump } = Object.fromEntries(written) as Partial<
    Record<InventoryField, WrittenValue>
  >;
  const shared = {
    ...(user && { user: user.value }),
    ...(port && { port: requirePort(`${port.origin}: port`, port.value) }),
    ...(key && { key: key.value }),
    ...(jump && { jump: parseJump(`${jump.origin}: jump`, jump.value) }),
  };
  return names.map((name, index) => ({ name, address: addresses[index] ?? '', ...shared }));
}

function listOf(
  field: InventoryField,
  origin: string,
  written: Map<InventoryField, WrittenValue>,
  expand: (pattern: string) => string[],
): string[] {
  const entry = written.get(field);
  if (!entry) throw new UserError(`${origin}: the server has no ${field}`, { hint: example });
  try {
    return expand(entry.value);
  } catch (error) {
    throw error instanceof UserError
      ? new UserError(`${entry.origin}: ${error.message}`, { cause: error })
      : error;
  }
}

function isField(word: string): word is InventoryField {
  return (fields as readonly string[]).includes(word);
}

function startOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}
