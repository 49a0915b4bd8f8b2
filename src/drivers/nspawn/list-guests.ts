import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import { type Entry, type MachineRecord, readEntries } from './guest-records.js';
import type { Layout } from './layout.js';
import { findEntry, type Nspawn } from './lookup.js';
import { runningProcess } from './shut-down.js';

/** The known machines as they are, then those of the cluster that are not known. Needs no root. */
export async function list(
  { layout, options }: Nspawn,
  known: readonly Machine[],
): Promise<ObservedMachine[]> {
  const entries = await readEntries(layout);
  const matched = new Set<Entry>();
  const ofKnown = known.map(async (machine): Promise<ObservedMachine> => {
    const entry = findEntry(entries, options.cluster.id, machine);
    if (!entry) return { name: machine.name, state: 'missing' };
    matched.add(entry);
    if ('damage' in entry) return { name: machine.name, id: entry.id, state: 'error' };
    return observe(layout, entry.record);
  });
  const observed = await Promise.all(ofKnown);
  const others = entries.flatMap((entry) =>
    'record' in entry && entry.record.cluster.id === options.cluster.id && !matched.has(entry)
      ? [entry.record]
      : [],
  );
  return [...observed, ...(await Promise.all(others.map((record) => observe(layout, record))))];
}

async function observe(
  layout: Layout,
  { id, name, address, memory, size }: MachineRecord,
): Promise<ObservedMachine> {
  const state = (await runningProcess(layout, id)) ? 'running' : 'stopped';
  return { name, id, state, addresses: { public: address }, memory, size };
}
