import { text } from 'node:stream/consumers';
import { messageOf } from '../../../src/base/errors.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { openClusterStore } from '../../../src/state/cluster-store.js';
import { readEnvironment } from '../../../src/state/environment.js';
import { locateState } from '../../../src/state/locate-state.js';

/**
 * A program around the state store, for tests that need another process: another user, sudo,
 * concurrency, a kill. `run-store-program.ts` builds and starts it.
 */
const [verb = '', folder = '', ...names] = process.argv.slice(2);

const verbs: Record<string, () => Promise<unknown>> = {
  async environment() {
    const { variables: _, ...environment } = readEnvironment();
    return { ...environment, location: await locateState(readEnvironment()) };
  },
  async read() {
    const store = await open();
    const { machines, damaged } = await store.machines();
    return { machines: machines.map(({ name }) => name), damaged: damaged.map(({ name }) => name) };
  },
  async save() {
    const store = await open();
    await store.saveAll(names.map((name) => machineOf(name)));
    await store.setActiveMachine(names[0]);
    await store.sshKey(() => ({ privateKey: 'private\n', publicKey: 'public' }));
    await (await store.claim(names, 'saved')).release();
    return store.id;
  },
  async claim() {
    const claim = await (await open()).claim(names, 'created');
    say('claimed');
    await text(process.stdin);
    await claim.release();
    return 'released';
  },
  async saveForever() {
    const store = await open();
    for (let round = 1; ; round++) {
      await store.save(machineOf('node1', { round, payload: String(round % 10).repeat(1_000_000) }));
      if (round === 1) say('saving');
    }
  },
  async holdLock() {
    await (await open()).lock(async () => {
      say('locked');
      await text(process.stdin);
    });
    return 'unlocked';
  },
};

function open(): ReturnType<typeof openClusterStore> {
  const { sudo } = readEnvironment();
  return openClusterStore({ name: 'test', folder, ...(sudo && { owner: sudo }) });
}

function machineOf(name: string, driverData: Record<string, unknown> = {}): Machine {
  return {
    name,
    driver: 'nspawn',
    phase: 'ready',
    addresses: {},
    ssh: { user: 'root', port: 22 },
    driverData,
    createdAt: '2026-01-02T03:04:05.000Z',
  };
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

try {
  say(await verbs[verb]?.());
} catch (error) {
  say({ error: messageOf(error), hint: error instanceof Error && 'hint' in error ? error.hint : undefined });
}
