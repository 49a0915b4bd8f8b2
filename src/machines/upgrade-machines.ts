import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { EngineWork } from '../app/rolling-restart.js';
import { whileClaimed } from '../app/with-claim.js';
import { type Upgraded, upgradeEngine } from '../engine/upgrade-engine.js';
import { startMachines } from './lifecycle.js';
import { observe } from './list-machines.js';
import type { Machine } from './model/machine.js';

/** As in docker-machine, stopped machines are started first, and keep running. */
export async function upgradeMachines(
  machines: readonly Machine[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<Upgraded>[]> {
  const started = await startStopped(machines, context);
  const failed = new Map<string, Outcome<never>>();
  const running = new Map<string, Machine>();
  for (const outcome of started) {
    if (outcome.status === 'ok') running.set(outcome.name, outcome.value);
    else failed.set(outcome.name, outcome);
  }
  const ready = machines
    .filter(({ name }) => !failed.has(name))
    .map((machine) => running.get(machine.name) ?? machine);
  const doneMessage = ({ from, to }: Upgraded): string =>
    from === to ? `already up to date (${to})` : `upgraded from ${from} to ${to}`;
  const work: EngineWork<Upgraded>['work'] = (machine, step, beforeRestart) =>
    upgradeEngine({ subject: machine, step, context }, beforeRestart);
  const upgraded = await whileClaimed(ready, 'upgraded', context, async () => {
    const { restartEngines } = await context.rollingRestart();
    return restartEngines(ready, { work, doneMessage, force });
  });
  const byName = new Map(upgraded.map((outcome) => [outcome.name, outcome]));
  return machines.flatMap(({ name }) => byName.get(name) ?? failed.get(name) ?? []);
}

async function startStopped(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const rows = await observe(machines, context);
  const stopped = rows.filter(({ state }) => state === 'stopped').map(({ machine }) => machine);
  if (stopped.length === 0) return [];
  for (const { name } of stopped)
    context.reporter.note(`${name}: Starting machine so machine can be upgraded...`);
  return startMachines(stopped, context);
}
