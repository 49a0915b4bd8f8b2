import { UsageError } from '../../base/errors.js';

export interface LabelChange {
  set: Readonly<Record<string, string>>;
  remove: readonly string[];
}

/** @throws UsageError without labels, for a label without a key, or a repeated one */
export function parseLabels(words: readonly string[]): { nodes: string[]; change: LabelChange } {
  const nodes: string[] = [];
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const word of words) {
    const label = readLabel(word);
    if (!label) {
      nodes.push(word);
      continue;
    }
    const { key, value } = label;
    if (key === '') throw new UsageError(`"${word}" has no label key`, { hint });
    if (Object.hasOwn(set, key) || remove.includes(key))
      throw new UsageError(`label "${key}" is given twice`);
    if (value === undefined) remove.push(key);
    else set[key] = value;
  }
  if (nodes.length === words.length) throw new UsageError('no labels specified', { hint });
  return { nodes, change: { set, remove } };
}

const hint = 'belt swarm label node1 zone=a, or to remove it: belt swarm label node1 zone-';

function readLabel(word: string): { key: string; value?: string } | undefined {
  const at = word.indexOf('=');
  if (at >= 0) return { key: word.slice(0, at), value: word.slice(at + 1) };
  return word.endsWith('-') ? { key: word.slice(0, -1) } : undefined;
}

export function withLabels(
  labels: Readonly<Record<string, string>>,
  { set, remove }: LabelChange,
): Record<string, string> {
  const kept = Object.entries(labels).filter(([key]) => !remove.includes(key));
  return { ...Object.fromEntries(kept), ...set };
}
