import type { CreateRequest, Driver, MachineEvent, MachineSpec } from '../../../src/drivers/driver.js';
import type { Machine, MachineState } from '../../../src/machines/model/machine.js';

/** A machine of the in-memory driver. */
export interface MemoryMachine {
  id: string;
  state: MachineState;
  address: string;
  size: string;
}

export type Verb = 'create' | 'start' | 'stop' | 'restart' | 'kill' | 'remove' | 'resize';

/** `begun`: requested; then its id, its address and its completion have been reported. */
export type Moment = 'begun' | 'identified' | 'addressed' | 'ended';

/**
 * A driver with a map in memory as its provider: idempotent, one event at a time, machine by
 * machine. Like any driver, it continues only when the last event was consumed, so at each moment
 * all earlier events have been handled.
 */
export class MemoryDriver implements Driver {
  readonly machines = new Map<string, MemoryMachine>();
  /** Every call with its machine names, in order. */
  readonly calls: string[] = [];
  readonly createRequests: CreateRequest[] = [];
  /** Machines that fail in the next operation, once each. */
  readonly failures = new Map<string, Error>();
  /** Machines that `create` refuses, so that nothing exists. */
  readonly refusals = new Map<string, Error>();
  /** Called at each moment of each machine; an error ends the operation of the driver. */
  onMoment: (moment: Moment, name: string) => Promise<void> | void = () => {};
  onCheck: (specs: readonly MachineSpec[]) => Promise<void> | void = () => {};
  onPrepare: Driver['prepare'] = async () => {};
  listError: Error | undefined;

  constructor(private readonly network = '10.0.0') {}

  async check(specs: readonly MachineSpec[]): Promise<void> {
    this.note('check', specs);
    await this.onCheck(specs);
  }

  async prepare(...[requests, progress, signal]: Parameters<NonNullable<Driver['prepare']>>): Promise<void> {
    this.note('prepare', requests);
    await this.onPrepare?.(requests, progress, signal);
  }

  async *create(requests: readonly CreateRequest[], signal: AbortSignal): AsyncIterable<MachineEvent> {
    this.note('create', requests);
    this.createRequests.push(...requests);
    for (const { name, size = '512mb' } of requests) {
      signal.throwIfAborted();
      await this.onMoment('begun', name);
      const refusal = this.refusals.get(name);
      if (refusal) {
        yield { type: 'failed', name, error: refusal, notCreated: true };
        continue;
      }
      const machine = this.machines.get(name) ?? this.newMachine(size);
      this.machines.set(name, machine);
      yield { type: 'progress', name, text: 'booting', fraction: 0.5 };
      yield { type: 'changed', name, change: { id: machine.id, driverData: { rack: 7 } } };
      await this.onMoment('identified', name);
      const failure = this.takeFailure(name);
      if (failure) {
        yield { type: 'failed', name, error: failure };
        continue;
      }
      signal.throwIfAborted();
      machine.state = 'running';
      yield { type: 'changed', name, change: { addresses: { public: machine.address }, memory: 512 } };
      await this.onMoment('addressed', name);
      yield { type: 'done', name };
      await this.onMoment('ended', name);
    }
  }

  async list(known: readonly Machine[]): ReturnType<Driver['list']> {
    this.note('list', known);
    if (this.listError) throw this.listError;
    const names = new Set([...known.map(({ name }) => name), ...this.machines.keys()]);
    return [...names].flatMap((name) => {
      const machine = this.machines.get(name);
      if (!machine) return [];
      const { id, state, address, size } = machine;
      return [{ name, id, state, addresses: { public: address }, size }];
    });
  }

  start = this.verb('start', (machine) => ({ ...machine, state: 'running' }));
  stop = this.verb('stop', (machine) => ({ ...machine, state: 'stopped' }));
  restart = this.verb('restart', (machine) => ({ ...machine, state: 'running' }));
  restartsUnseen = false;
  kill = this.verb('kill', (machine) => ({ ...machine, state: 'stopped' }));
  remove = this.verb('remove', () => undefined);

  async *resize(
    machines: readonly Machine[],
    size: string,
    signal: AbortSignal,
  ): AsyncIterable<MachineEvent> {
    const resize = this.verb('resize', (machine) => ({ ...machine, size }));
    for await (const event of resize(machines, signal)) {
      if (event.type === 'done') yield { type: 'changed', name: event.name, change: { size } };
      yield event;
    }
  }

  async doctor(): ReturnType<Driver['doctor']> {
    return [];
  }

  private verb(
    verb: Exclude<Verb, 'create'>,
    change: (machine: MemoryMachine) => MemoryMachine | undefined,
  ): (machines: readonly Machine[], signal: AbortSignal) => AsyncIterable<MachineEvent> {
    const driver = this;
    return async function* (machines, signal) {
      driver.note(verb, machines);
      for (const { name } of machines) {
        signal.throwIfAborted();
        await driver.onMoment('begun', name);
        const failure = driver.takeFailure(name);
        if (failure) {
          yield { type: 'failed', name, error: failure };
          continue;
        }
        const machine = driver.machines.get(name);
        const changed = machine && change(machine);
        if (changed) driver.machines.set(name, changed);
        else driver.machines.delete(name);
        yield { type: 'done', name };
        await driver.onMoment('ended', name);
      }
    };
  }

  private newMachine(size: string): MemoryMachine {
    const number = this.machines.size + 1;
    return { id: `id-${number}`, state: 'starting', address: `${this.network}.${number}`, size };
  }

  private takeFailure(name: string): Error | undefined {
    const failure = this.failures.get(name);
    this.failures.delete(name);
    return failure;
  }

  private note(call: string, of: readonly { name: string }[]): void {
    this.calls.push([call, ...of.map(({ name }) => name)].join(' '));
  }
}
