import { UsageError } from '../../base/errors.js';

/** What is to become of a node's labels. */
export interface LabelChange {
  set: Readonly<Record<string, string>>;
  remove: readonly string[];
}

/**
 * Tells the nodes of a command line from the labels: `key=value` sets one, `key-` takes it away.
 * @throws UsageError when there is no label, or one without a key, or the same twice
 */
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
    if (key === '') throw new UsageError(`"${word}" is a label without a name`, { hint });
    if (Object.hasOwn(set, key) || remove.includes(key))
      throw new UsageError(`the label "${key}" is there twice`);
    if (value === undefined) remove.push(key);
    else set[key] = value;
  }
  if (nodes.length === words.length) throw new UsageError('no label given', { hint });
  return { nodes, change: { set, remove } };
}

const hint = 'for example: belt swarm label node1 zone=a, or to take it away: belt swarm label node1 zone-';

function readLabel(word: string): { key: string; value?: string } | undefined {
  const at = word.indexOf('=');
  if (at >= 0) return { key: word.slice(0, at), value: word.slice(at + 1) };
  return word.endsWith('-') ? { key: word.slice(0, -1) } : undefined;
}

/** The labels after the change. */
export function withLabels(
  labels: Readonly<Record<string, string>>,
  { set, remove }: LabelChange,
): Record<string, string> {
  const kept = Object.entries(labels).filter(([key]) => !remove.includes(key));
  return { ...Object.fromEntries(kept), ...set };
}
