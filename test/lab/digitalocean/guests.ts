import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { templatesIn } from '../../../src/base/templates.js';
import type { Driver, MachineEvent } from '../../../src/drivers/driver.js';
import { driver } from '../../../src/drivers/nspawn/index.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { generateKeyPair } from '../../../src/ssh/index.js';
import type { Backend, BackendMachine } from './account.js';
import { earlyCommands, lateCommands } from './cloud-init.js';

export interface Guests extends Backend {
  dispose(): Promise<void>;
}

/**
 * Runs a real nspawn guest behind each droplet. It boots with a random host key and the account's
 * keys. The droplet becomes active once its user data has been applied, because a droplet's SSH
 * server starts after that; the last stage of cloud-init continues in the background.
 * @param options `withoutEngine`: the image has no engine, like a provider's image
 */
export async function backendWithGuests(options: { withoutEngine?: boolean } = {}): Promise<Guests> {
  const folder = await mkdtemp(join(tmpdir(), 'belt-droplets-'));
  const keyPath = join(folder, 'key');
  const key = generateKeyPair('emulator');
  await writeFile(keyPath, key.privateKey, { mode: 0o600 });
  const nspawn = await driver.open({
    settings: {},
    cluster: { id: randomUUID(), name: 'droplets' },
    templates: templatesIn('templates'),
    user: { resolvePath: (path) => path, defaultKeyPaths: [] },
  });
  await nspawn.prepare?.([], () => {}, signal);
  const machines = new Map<number, Machine>();
  const one = (id: number): Machine => {
    const machine = machines.get(id);
    if (!machine) throw new Error(`no guest stands behind droplet ${id}`);
    return machine;
  };

  return {
    async boot({ id, name, memory, userData, authorizedKeys }: BackendMachine) {
      const hostKey = generateKeyPair(name);
      const authorizedKey = [key.publicKey, ...authorizedKeys].join('\n');
      const request = { name, size: `${memory}mb`, ssh: { user: 'root', authorizedKey, hostKey } };
      const machine = await make(nspawn, request);
      machines.set(id, machine);
      const address = machine.addresses.public ?? '';
      if (options.withoutEngine) await sh(keyPath, address, removeEngine);
      for (const command of earlyCommands(userData))
        await sh(keyPath, address, `export INSTANCE_ID=${id}\n${command}`);
      await sh(keyPath, address, 'systemctl restart ssh');
      const late = lateCommands(userData);
      if (late.length > 0) await sh(keyPath, address, lastStage(late));
      return address;
    },
    powerOn: (id) => finish(nspawn.start([one(id)], signal)),
    powerOff: (id) => finish(nspawn.kill([one(id)], signal)),
    async shutdown(id) {
      await finish(nspawn.stop([one(id)], signal));
      return true;
    },
    resize: (id, memory) => finish(nspawn.resize([one(id)], `${memory}mb`, signal)),
    snapshot: async () => {},
    async destroy(id) {
      await finish(nspawn.remove([one(id)], signal));
      machines.delete(id);
    },
    async dispose() {
      await finish(nspawn.remove([...machines.values()], signal));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const { signal } = new AbortController();

const removeEngine = `DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq docker.io docker-cli >/dev/null 2>&1
rm -rf /var/lib/docker /etc/docker; ! command -v dockerd`;

/**
 * Installs a `cloud-init` that can only wait for the last stage. Its output is in cloud-init's log.
 */
function lastStage(commands: readonly string[]): string {
  return `cat > /usr/bin/cloud-init <<'END'
#!/bin/sh
[ "$*" = 'status --wait' ] || exit 64
until [ -e /run/cloud-init/result.json ]; do sleep 0.2; done
END
cat > /root/last-stage <<'END'
${commands.join('\n')}
mkdir -p /run/cloud-init && echo '{}' > /run/cloud-init/result.json
END
chmod 755 /usr/bin/cloud-init
systemd-run --quiet --unit=lab-cloud-final sh -c 'sh /root/last-stage > /var/log/cloud-init-output.log 2>&1'`;
}

async function make(nspawn: Driver, request: Parameters<Driver['create']>[0][number]): Promise<Machine> {
  const machine: Machine = {
    name: request.name,
    driver: 'nspawn',
    phase: 'ready',
    addresses: {},
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: new Date().toISOString(),
  };
  for await (const event of nspawn.create([request], signal)) {
    if (event.type === 'failed') throw event.error;
    if (event.type === 'changed') Object.assign(machine, event.change);
  }
  return machine;
}

async function finish(events: AsyncIterable<MachineEvent>): Promise<void> {
  for await (const event of events) if (event.type === 'failed') throw event.error;
}

/**
 * Uses the emulator's own key, because a provider does not need the user's key to enter a droplet.
 */
function sh(keyPath: string, address: string, script: string): Promise<void> {
  const options = [
    ...[
      'BatchMode=yes',
      'UserKnownHostsFile=/dev/null',
      'StrictHostKeyChecking=accept-new',
      'LogLevel=ERROR',
    ],
    ...['ConnectionAttempts=30', 'ConnectTimeout=5'],
  ].flatMap((option) => ['-o', option]);
  return new Promise((done, fail) => {
    const child = execFile(
      'ssh',
      ['-i', keyPath, ...options, `root@${address}`, 'sh -s'],
      (error, _, stderr) => (error ? fail(new Error(`user data: ${stderr || error.message}`)) : done()),
    );
    child.stdin?.end(script);
  });
}
