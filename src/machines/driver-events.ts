import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { Progress, Step } from '../app/reporter.js';
import { explanationOf, isAbort, messageOf } from '../base/errors.js';
import type { MachineChange, MachineEvent } from '../drivers/driver.js';
import type { Machine } from './model/machine.js';

export interface MachineCompletion {
  /** Runs after the driver has finished with a machine; returns the machine's new record. */
  after: (machine: Machine, step: Step) => Promise<Machine>;
  /** Shown on the finished machine's line, for example `started`. */
  doneText: string;
}

/** The machines of one command: records and shows each change that their drivers report. */
export class MachineBatch {
  private readonly records: Map<string, Machine>;
  /** Machines that the provider refused to create. */
  readonly notCreated = new Set<string>();
  private readonly begun = new Set<string>();
  private readonly ended = new Map<string, Outcome<Machine>>();
  private readonly progress: Progress;

  constructor(
    machines: readonly Machine[],
    private readonly context: Context,
  ) {
    this.records = new Map(machines.map((machine) => [machine.name, machine]));
    this.progress = context.reporter.open([...this.records.keys()]);
  }

  /** Consumes one driver's events. A driver that throws fails only its own machines (`names`). */
  async follow(
    names: readonly string[],
    open: () => Promise<AsyncIterable<MachineEvent>>,
    completion: MachineCompletion,
  ): Promise<void> {
    const completions: Promise<void>[] = [];
    try {
      for await (const event of await open()) {
        this.begun.add(event.name);
        if (event.type === 'progress') this.progress.update(event.name, event.text, event.fraction);
        if (event.type === 'changed') await this.change(event.name, event.change);
        if (event.type === 'failed') this.fail(event.name, event.error);
        if (event.type === 'failed' && event.notCreated) this.notCreated.add(event.name);
        if (event.type === 'done') completions.push(this.finish(event.name, completion));
      }
    } catch (error) {
      await Promise.all(completions);
      if (!isAbort(error)) for (const name of names) this.fail(name, error);
    } finally {
      await Promise.all(completions);
    }
  }

  isDone(name: string): boolean {
    return this.ended.get(name)?.status === 'ok';
  }

  /** One outcome per machine. */
  async close(): Promise<Map<string, Outcome<Machine>>> {
    await this.progress.close();
    const outcomes = [...this.records.keys()].map(
      (name): Outcome<Machine> =>
        this.ended.get(name) ?? { name, status: this.begun.has(name) ? 'interrupted' : 'skipped' },
    );
    return new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  }

  private async finish(name: string, { after, doneText }: MachineCompletion): Promise<void> {
    try {
      const machine = await after(this.machine(name), (text) => this.progress.update(name, text));
      this.ended.set(name, { name, status: 'ok', value: machine });
      this.progress.done(name, doneText);
    } catch (error) {
      if (!isAbort(error)) this.fail(name, error);
    }
  }

  private async change(name: string, change: MachineChange): Promise<void> {
    if (change.ownHostKey) await (await this.context.knownHosts()).remove([name]);
    await this.record(applyChange(this.machine(name), change));
  }

  private async record(machine: Machine): Promise<void> {
    this.records.set(machine.name, machine);
    await this.context.cluster.save(machine);
  }

  private fail(name: string, error: unknown): void {
    if (this.ended.has(name)) return;
    const failure = error instanceof Error ? error : new Error(messageOf(error));
    this.ended.set(name, { name, status: 'failed', error: failure });
    this.progress.failed(name, explanationOf(failure));
  }

  private machine(name: string): Machine {
    const machine = this.records.get(name);
    if (!machine) throw new Error(`the driver reported ${name}, which was not requested`);
    return machine;
  }
}

/** For operations with their own progress and claim. @throws the driver's error; AbortError */
export async function followOne(
  machine: Machine,
  events: AsyncIterable<MachineEvent>,
  step: Step,
  { cluster, signal }: Context,
): Promise<Machine> {
  let current = machine;
  for await (const event of events) {
    if (event.type === 'progress') step(event.text);
    if (event.type === 'failed') throw event.error;
    if (event.type === 'changed') {
      current = applyChange(current, event.change);
      await cluster.save(current);
    }
  }
  signal.throwIfAborted();
  return current;
}

/** Does not record the state: the provider is queried for it. */
export function applyChange(
  machine: Machine,
  { id, addresses, ssh, memory, size, driverData }: MachineChange,
): Machine {
  return {
    ...machine,
    ...(id !== undefined && { id }),
    ...(addresses !== undefined && { addresses }),
    ...(ssh !== undefined && { ssh: { ...machine.ssh, ...ssh } }),
    ...(memory !== undefined && { memory }),
    ...(size !== undefined && { size }),
    ...(driverData !== undefined && { driverData: { ...machine.driverData, ...driverData } }),
  };
}
