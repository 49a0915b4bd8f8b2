import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { templatesIn } from '../../src/base/templates.js';
import type { Driver, MachineEvent } from '../../src/drivers/driver.js';
import { driver } from '../../src/drivers/nspawn/index.js';
import type { Machine } from '../../src/machines/model/machine.js';
import { generateKeyPair, type SshKeyPair } from '../../src/ssh/index.js';

/**
 * Servers to adopt: guests of the nspawn driver with Debian's Docker and their own key, without any
 * traces of belt.
 */
export interface Servers {
  /** Contains the key and the servers' known_hosts. */
  readonly folder: string;
  readonly keyPath: string;
  address(name: string): string;
  /** Runs a shell script on the server as root, without belt. @returns its output */
  sh(name: string, script: string): string;
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  state(name: string): Promise<string>;
  dispose(): Promise<void>;
}

/** @param image one of the nspawn driver's images */
export async function startServers(names: readonly string[], image = 'debian-13'): Promise<Servers> {
  const folder = await mkdtemp(join(tmpdir(), 'belt-servers-'));
  const keyPath = join(folder, 'server_key');
  const key = generateKeyPair('servers');
  await writeFile(keyPath, key.privateKey, { mode: 0o600 });
  const nspawn = await driver.open({
    settings: { image },
    cluster: { id: randomUUID(), name: 'servers' },
    templates: templatesIn('templates'),
    user: { resolvePath: (path) => path, defaultKeyPaths: [] },
  });
  const hostKeys = new Map<string, SshKeyPair>(names.map((name) => [name, generateKeyPair(name)]));
  const requests = [...hostKeys].map(([name, hostKey]) => ({
    name,
    size: '512mb',
    ssh: { user: 'root', authorizedKey: key.publicKey, hostKey },
  }));
  await nspawn.check(requests, signal);
  await nspawn.prepare?.(requests, () => {}, signal);
  await finish(nspawn.create(requests, signal));
  const machines = new Map((await recorded(nspawn)).map((machine) => [machine.name, machine]));
  const one = (name: string): Machine => {
    const machine = machines.get(name);
    if (!machine) throw new Error(`there is no server ${name}`);
    return machine;
  };
  const known = [...hostKeys].map(
    ([name, { publicKey }]) => `${name} ${publicKey.split(' ', 2).join(' ')}\n`,
  );
  await writeFile(join(folder, 'known_hosts'), known.join(''));

  const servers: Servers = {
    folder,
    keyPath,
    address: (name) => one(name).addresses.public ?? '',
    sh(name, script) {
      const options = [
        ...['BatchMode=yes', `UserKnownHostsFile=${folder}/known_hosts`, `HostKeyAlias=${name}`],
        ...['StrictHostKeyChecking=yes', 'ConnectionAttempts=20', 'ConnectTimeout=5'],
      ].flatMap((option) => ['-o', option]);
      return execFileSync('ssh', ['-i', keyPath, ...options, `root@${servers.address(name)}`, 'sh -s'], {
        input: script,
        stdio: ['pipe', 'pipe', 'pipe'],
      }).toString();
    },
    start: async (name) => finish(nspawn.start([one(name)], signal)),
    stop: async (name) => finish(nspawn.stop([one(name)], signal)),
    async state(name) {
      const found = (await nspawn.list([one(name)], signal)).find((machine) => machine.name === name);
      return found?.state ?? 'missing';
    },
    async dispose() {
      await finish(nspawn.remove([...machines.values()], signal));
      await rm(folder, { recursive: true, force: true });
    },
  };
  for (const name of names) servers.sh(name, 'true');
  return servers;
}

const { signal } = new AbortController();

async function finish(events: AsyncIterable<MachineEvent>): Promise<void> {
  for await (const event of events) if (event.type === 'failed') throw event.error;
}

async function recorded(nspawn: Driver): Promise<Machine[]> {
  const observed = await nspawn.list([], signal);
  return observed.map(({ name, id, addresses = {} }) => ({
    name,
    driver: 'nspawn',
    phase: 'ready',
    ...(id !== undefined && { id }),
    addresses,
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: '2026-01-01T00:00:00.000Z',
  }));
}
