import type { Outcome } from '../app/fan-out.js';
import { changedEngine } from '../engine/model/engine-changes.js';
import type { EngineSettings } from '../engine/model/engine-settings.js';
import { engineSettingsOf } from '../engine/provision-engine.js';
import { changeSettings } from '../engine/provision-machines.js';
import type { Machine } from '../machines/model/machine.js';
import { awaitNodes } from './set-nodes.js';
import { groupOf, machinesOf, type StepOf, type Work } from './stage-work.js';

/**
 * Tells engines what their groups say: managers of the swarm one at a time, each only where the
 * others keep the quorum.
 */
export async function setEngines(
  steps: readonly StepOf<'engine'>[],
  work: Work,
): Promise<Outcome<unknown>[]> {
  const { input, context } = work;
  const settings = (machine: Machine): EngineSettings => {
    const { engine, engineSaid } = groupOf(machine.name, input);
    return changedEngine(engineSettingsOf(machine), { settings: engine, said: engineSaid });
  };
  const outcomes = await changeSettings(settings, machinesOf(steps, work), input, context);
  context.signal.throwIfAborted();
  const late = await withoutNode(outcomes, work);
  return outcomes.map((outcome) => late.get(outcome.name) ?? outcome);
}

/**
 * What comes next takes nodes for ready that were so before: an engine that restarts is none for a
 * while.
 */
async function withoutNode(
  outcomes: readonly Outcome<unknown>[],
  work: Work,
): Promise<Map<string, Outcome<unknown>>> {
  const set = outcomes.filter(({ status }) => status === 'ok');
  const waited = set.length > 0 ? await awaitNodes(set, work) : [];
  return new Map(
    waited.flatMap((outcome) => (outcome.status === 'ok' ? [] : [[outcome.name, outcome] as const])),
  );
}
