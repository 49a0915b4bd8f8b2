import { AbortError, messageOf } from '../../base/errors.js';
import { mapLimited } from '../../base/map-limit.js';
import type { MachineEvent } from '../driver.js';

export type Emit = (event: MachineEvent) => void;

/** Machines to work on at a time; booting is mostly waiting. */
export const concurrency = 16;

/** Events in the order they happen. A failure does not stop others; after an abort none starts. */
export async function* runBatch<T extends { name: string }>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal,
  work: (item: T, emit: Emit) => Promise<void>,
): AsyncGenerator<MachineEvent> {
  const events: MachineEvent[] = [];
  let wake = () => {};
  const emit: Emit = (event) => {
    events.push(event);
    wake();
  };

  let finished = false;
  const all = mapLimited(items, limit, async (item) => emit(await outcome(item, signal, work, emit))).then(
    () => {
      finished = true;
      wake();
    },
  );

  while (!finished || events.length > 0) {
    const event = events.shift();
    if (event) yield event;
    else {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (finished || events.length > 0) resolve();
      });
    }
  }
  await all;
}

/** If `prepare` fails, each item fails. */
export async function* prepareThen<T>(
  items: readonly { name: string }[],
  prepare: () => Promise<T>,
  proceed: (prepared: T) => AsyncIterable<MachineEvent>,
): AsyncGenerator<MachineEvent> {
  let prepared: T;
  try {
    prepared = await prepare();
  } catch (error) {
    for (const item of items) yield failedEvent(item, error);
    return;
  }
  yield* proceed(prepared);
}

export function forEachObject<T extends { name: string }, All, One>(
  machines: readonly T[],
  {
    limit,
    signal,
    read,
    find,
  }: {
    limit: number;
    signal: AbortSignal;
    read: () => Promise<All>;
    find: (all: All, machine: T) => One | undefined;
  },
  work: (machine: T, object: One | undefined, emit: Emit) => Promise<void>,
): AsyncGenerator<MachineEvent> {
  const prepare = async () => {
    if (signal.aborted) throw new AbortError();
    return read();
  };
  return prepareThen(machines, prepare, (all) =>
    runBatch(machines, limit, signal, (machine, emit) => work(machine, find(all, machine), emit)),
  );
}

async function outcome<T extends { name: string }>(
  item: T,
  signal: AbortSignal,
  work: (item: T, emit: Emit) => Promise<void>,
  emit: Emit,
): Promise<MachineEvent> {
  try {
    if (signal.aborted) throw new AbortError();
    await work(item, emit);
    return { type: 'done', name: item.name };
  } catch (error) {
    return failedEvent(item, error);
  }
}

export function failedEvent({ name }: { name: string }, error: unknown): MachineEvent {
  return { type: 'failed', name, error: asError(error) };
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}

export function* done(items: readonly { name: string }[]): Generator<MachineEvent> {
  for (const { name } of items) yield { type: 'done', name };
}
