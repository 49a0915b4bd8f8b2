import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import { listMachines } from '../kit/list-machines.js';
import { type MachineRecord, readEntries } from './guest-records.js';
import type { Layout } from './layout.js';
import { findEntry, type Nspawn } from './lookup.js';
import { runningProcess } from './shut-down.js';

/** The known machines as they are, then those of the cluster that are not known. Needs no root. */
export async function list(
  { layout, options }: Nspawn,
  known: readonly Machine[],
): Promise<ObservedMachine[]> {
  const entries = await readEntries(layout);
  const { id } = options.cluster;
  return listMachines(known, {
    objects: entries,
    find: (machine) => findEntry(entries, id, machine),
    observe: (entry, machine) =>
      'record' in entry
        ? observe(layout, entry.record)
        : { name: machine?.name ?? entry.id, id: entry.id, state: 'error' },
    isStray: (entry) => 'record' in entry && entry.record.cluster.id === id,
  });
}

async function observe(
  layout: Layout,
  { id, name, address, memory, size }: MachineRecord,
): Promise<ObservedMachine> {
  const state = (await runningProcess(layout, id)) ? 'running' : 'stopped';
  return { name, id, state, addresses: { public: address }, memory, size };
}
