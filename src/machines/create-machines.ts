import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { Step } from '../app/reporter.js';
import { isAbort, messageOf, UserError } from '../base/errors.js';
import type { GroupSettings } from '../clusters/model/group.js';
import type { Adoption, CreateRequest, Driver, MachineEvent, MachineSpec } from '../drivers/driver.js';
import { firstBootInstaller } from '../engine/first-boot-installer.js';
import { defaultEngineSettings, type EngineSettings } from '../engine/model/engine-settings.js';
import {
  adoptionsFor,
  copyLoginKeys,
  setUpAdoptedServer,
  unpinMovedServers,
  withAdoption,
} from './adopt-servers.js';
import { clusterKey, pinHostKey } from './cluster-keys.js';
import { MachineBatch } from './driver-events.js';
import { forgetMachine, removeMachines } from './lifecycle.js';
import { type Machine, reachAddress } from './model/machine.js';
import { sameSize } from './model/sizes.js';
import { setUpMachine } from './wait-until-ready.js';

export interface CreateInput extends MachineShape {
  names: readonly string[];
  driver: string;
  /** The driver's settings, instead of the cluster's. */
  settings?: GroupSettings;
  shapes?: ReadonlyMap<string, MachineShape>;
  /** Accept finished machines; default: an error, unless others of `names` are unfinished. */
  acceptExisting?: boolean;
  /** From when the provider reports a machine as running to the engine's first response. */
  timeoutMs: number;
  /** Destroy machines that fail; default: keep them, to be inspected or finished. */
  removeFailed?: boolean;
}

export interface MachineShape {
  /** As the user wrote it; default: the driver's. */
  size?: string;
  /** Default: belt's engine defaults. */
  engine?: EngineSettings;
}

/**
 * Records each machine before the provider creates it: the same call finishes an interrupted one.
 * @returns one outcome per name, in the order of `names`
 * @throws UserError for invalid input, with nothing changed; AbortError, with everything recorded
 */
export async function createMachines(input: CreateInput, context: Context): Promise<Outcome<Machine>[]> {
  try {
    const outcomes = await createClaimed(input, context);
    const failed = outcomes.filter(({ status }) => status === 'failed');
    if (input.removeFailed) await removeUnfinished(failed, context);
    return outcomes;
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error;
    if (input.removeFailed) await removeUnfinished(error.machines, context);
    throw error.cause;
  }
}

/** Preparation failed: the driver has not created any machine, except in an earlier attempt. */
class PreparationError extends Error {
  constructor(
    readonly machines: readonly Machine[],
    override readonly cause: unknown,
  ) {
    super(messageOf(cause));
  }
}

async function createClaimed(input: CreateInput, context: Context): Promise<Outcome<Machine>[]> {
  const { driver, adoptions } = await checkCreation(input, context);
  await using _claim = await context.cluster.claim(input.names, 'created');
  const { toCreate, finished } = await classifyNames(input, driver, adoptions, context);
  if (!input.acceptExisting) for (const { name } of finished) context.reporter.note(`${name} already exists`);
  const outcomes = adoptions
    ? await adoptAll(toCreate, input.timeoutMs, context)
    : await createAll(driver, toCreate, input, context);
  context.signal.throwIfAborted();
  return input.names.map((name) => outcomes.get(name) ?? existingOutcome(name, finished));
}

async function removeUnfinished(candidates: readonly { name: string }[], context: Context): Promise<void> {
  const names = new Set(candidates.map(({ name }) => name));
  const { machines } = await context.cluster.machines();
  const unfinished = machines.filter(({ name, phase }) => names.has(name) && phase === 'creating');
  if (unfinished.length > 0) await removeMachines(unfinished, { force: false }, context);
}

/** Undefined for a driver that creates its machines. */
type Adoptions = ReadonlyMap<string, Adoption> | undefined;

/** Checks the input of `createMachines`. Changes nothing. @throws UserError */
export async function checkCreation(
  input: CreateInput,
  context: Context,
): Promise<{ driver: Driver; adoptions: Adoptions; toCreate: Machine[] }> {
  const driver = await context.driver(input.driver, input.settings);
  const adoptions = await adoptionsFor(driver, input.names, context);
  const { toCreate } = await classifyNames(input, driver, adoptions, context);
  await driver.check(toCreate.map(specOf), context.signal);
  return { driver, adoptions, toCreate };
}

interface ClassifiedNames {
  toCreate: Machine[];
  finished: Machine[];
}

/** Accepts finished machines only along with unfinished ones: a second run of the same create. */
async function classifyNames(
  input: CreateInput,
  driver: Driver,
  adoptions: Adoptions,
  context: Context,
): Promise<ClassifiedNames> {
  const { machines, damaged } = await context.cluster.machines();
  const unreadable = damaged.find(({ name }) => input.names.includes(name));
  if (unreadable) throw unreadable.error;
  const recorded = new Map(machines.map((machine) => [machine.name, machine]));
  const existing = input.names.flatMap((name) => recorded.get(name) ?? []);
  const unfinished = existing.filter(({ phase }) => phase === 'creating');
  const finished = existing.filter(({ phase }) => phase === 'ready');
  if (finished.length > 0 && unfinished.length === 0 && !input.acceptExisting)
    throw await alreadyExistsError(finished, driver, context);
  for (const machine of unfinished) requireSameShape(machine, input);
  for (const adoption of adoptions?.values() ?? []) refuseDuplicateServer(adoption, machines);
  const finishedNames = new Set(finished.map(({ name }) => name));
  const toCreate = input.names
    .filter((name) => !finishedNames.has(name))
    .map((name) => {
      const record = recorded.get(name) ?? newRecord(name, input, context);
      return withCurrentInput(record, input, adoptions?.get(name));
    });
  return { toCreate, finished };
}

/** The settings may have been corrected since the first try. */
function withCurrentInput(record: Machine, input: CreateInput, adoption: Adoption | undefined): Machine {
  const { engine = defaultEngineSettings } = shapeOf(record.name, input);
  const machine: Machine = { ...record, engine };
  return adoption ? withAdoption(machine, adoption) : machine;
}

async function alreadyExistsError(
  existing: readonly Machine[],
  driver: Driver,
  context: Context,
): Promise<UserError> {
  const observed = await driver.list(existing, context.signal).catch(() => []);
  const [first, ...others] = existing.map(({ name }) => name);
  const state = observed.find(({ name }) => name === first)?.state;
  const names = existing.map(({ name }) => name).join(',');
  const more = others.length > 0 ? `, and so do ${others.join(', ')}` : '';
  const start = state === 'stopped' ? `start it with "belt start ${names}", ` : '';
  return new UserError(`Docker machine "${first}" already exists${state ? ` (${state})` : ''}${more}`, {
    hint: `${start}choose another name, or remove it with "belt rm ${names}"`,
  });
}

function shapeOf(name: string, input: CreateInput): MachineShape {
  return input.shapes?.get(name) ?? input;
}

function requireSameShape(machine: Machine, input: CreateInput): void {
  const { driver } = input;
  const { size } = shapeOf(machine.name, input);
  const hasSize = size === undefined || (machine.size !== undefined && sameSize(machine.size, size));
  if (machine.driver === driver && hasSize) return;
  const shape = [machine.size, machine.name, '-d', machine.driver]
    .filter((word) => word !== undefined)
    .join(' ');
  throw new UserError(`${machine.name} was started with "belt create ${shape}" and is not finished`, {
    hint: `finish it with that command, or remove it with "belt rm ${machine.name}"`,
  });
}

/** Two machines must not manage the same engine. */
function refuseDuplicateServer({ name, addresses, ssh }: Adoption, machines: readonly Machine[]): void {
  const other = machines.find(
    (machine) =>
      machine.name !== name &&
      reachAddress(machine) === addresses.public &&
      machine.ssh.port === ssh?.port &&
      machine.ssh.jump?.host === ssh.jump?.host,
  );
  if (!other) return;
  throw new UserError(`${addresses.public} is already ${other.name}`, {
    hint: `use it by that name, or remove it first: belt rm ${other.name}`,
  });
}

function newRecord(name: string, input: CreateInput, { cluster }: Context): Machine {
  const { size } = shapeOf(name, input);
  return {
    name,
    driver: input.driver,
    phase: 'creating',
    ...(size !== undefined && { size }),
    addresses: {},
    ssh: { user: 'root', port: 22, keyPath: cluster.sshKeyPath },
    driverData: {},
    createdAt: new Date().toISOString(),
  };
}

export function specOf({ name, size, id, driverData }: Machine): MachineSpec {
  return { name, driverData, ...(size !== undefined && { size }), ...(id !== undefined && { id }) };
}

function existingOutcome(name: string, finished: readonly Machine[]): Outcome<Machine> {
  const machine = finished.find((candidate) => candidate.name === name);
  return machine ? { name, status: 'ok', value: machine } : { name, status: 'skipped' };
}

/** From here on the same command finishes an interrupted create. */
async function recordIntents(machines: readonly Machine[], context: Context): Promise<CreateRequest[]> {
  const { publicKey } = await clusterKey(context.cluster);
  const installEngine = await firstBootInstaller(machines, context);
  const requests: CreateRequest[] = [];
  for (const machine of machines) {
    await context.cluster.save(machine);
    const hostKey = await pinHostKey(machine.name, context);
    requests.push({
      ...specOf(machine),
      ssh: { user: machine.ssh.user, authorizedKey: publicKey, hostKey },
      ...(installEngine !== undefined && { installEngine }),
    });
  }
  return requests;
}

async function createAll(
  driver: Driver,
  machines: readonly Machine[],
  { driver: driverName, timeoutMs }: CreateInput,
  context: Context,
): Promise<Map<string, Outcome<Machine>>> {
  const earlier = new Set((await context.cluster.machines()).machines.map(({ name }) => name));
  const requests = await recordIntents(machines, context);
  await prepare(driver, driverName, requests, context).catch(async (error) => {
    if (context.signal.aborted || isAbort(error)) throw error;
    for (const { name } of machines) if (!earlier.has(name)) await forgetMachine(name, context);
    throw new PreparationError(machines, error);
  });
  const events = async () => driver.create(requests, context.signal);
  return setUpAll(
    machines,
    events,
    async (machine, step) => {
      await setUpMachine(machine, { timeoutMs, step }, context);
      return machine;
    },
    context,
  );
}

/** Records each server's SSH access, so that later commands need no settings. */
async function adoptAll(
  machines: readonly Machine[],
  timeoutMs: number,
  context: Context,
): Promise<Map<string, Outcome<Machine>>> {
  await unpinMovedServers(machines, context);
  const adopted: Machine[] = [];
  for (const machine of machines) {
    const recorded = await copyLoginKeys(machine, context);
    await context.cluster.save(recorded);
    adopted.push(recorded);
  }
  const events = async () => doneEvents(adopted);
  return setUpAll(
    adopted,
    events,
    (machine, step) => setUpAdoptedServer(machine, { timeoutMs, step }, context),
    context,
  );
}

async function* doneEvents(machines: readonly Machine[]): AsyncIterable<MachineEvent> {
  for (const { name } of machines) yield { type: 'done', name };
}

async function prepare(
  driver: Driver,
  driverName: string,
  requests: readonly CreateRequest[],
  context: Context,
): Promise<void> {
  await context.reporter.stage(driverName, async (stage) =>
    driver.prepare?.(requests, (step, fraction) => stage.step(step, fraction), context.signal),
  );
}

async function setUpAll(
  machines: readonly Machine[],
  events: () => Promise<AsyncIterable<MachineEvent>>,
  setUp: (machine: Machine, step: Step) => Promise<Machine>,
  context: Context,
): Promise<Map<string, Outcome<Machine>>> {
  const batch = new MachineBatch(machines, context);
  const after = async (machine: Machine, step: Step): Promise<Machine> => {
    const ready: Machine = { ...(await setUp(machine, step)), phase: 'ready' };
    await context.cluster.save(ready);
    await context.cluster.forgetHostKey(machine.name);
    return ready;
  };
  const names = machines.map(({ name }) => name);
  await batch.follow(names, events, { after, doneText: 'ready' });
  for (const name of batch.notCreated) await forgetMachine(name, context);
  return batch.close();
}
