import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, open as openFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { templatesIn } from '../../src/base/templates.js';
import type { CreateRequest, Driver, MachineChange, MachineEvent } from '../../src/drivers/driver.js';
import { driver as module } from '../../src/drivers/virtualbox/index.js';
import { isoImage } from '../../src/drivers/virtualbox/iso9660.js';
import { readBlocks, readInfo } from '../../src/drivers/virtualbox/parse-output.js';
import { openVBoxManage, VBoxError } from '../../src/drivers/virtualbox/vboxmanage.js';
import { requireInfo } from '../../src/drivers/virtualbox/vm.js';
import type { Machine } from '../../src/machines/model/machine.js';
import { generateKeyPair } from '../../src/ssh/index.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';
import { startVirtualBox, type VirtualBoxLab } from '../lab/virtualbox/lab.js';

/**
 * The driver with the real VBoxManage. VMs only have the state of running ones here; the scenario
 * runs them as guests.
 */

let lab: VirtualBoxLab;
let cluster: { id: string; name: string };
let driver: Driver;
/** Drivers of other belts on the same computer. */
const neighbours: Driver[] = [];
const { signal } = new AbortController();

describe.skipIf(!canCreateMachines())('the virtualbox driver', () => {
  beforeAll(async () => {
    lab = await startVirtualBox({ withGuests: false });
  });

  afterAll(async () => {
    await lab?.dispose();
  });

  beforeEach(async () => {
    cluster = { id: randomUUID(), name: 'default' };
    driver = await open();
  });

  // A failed test must not make the others fail.
  afterEach(async () => {
    for (const by of neighbours.splice(0)) await run(by.remove(await known(await lab.vms(), by), signal));
    await run(driver.remove(await known(await lab.vms()), signal));
  });

  test('VirtualBox accepts every argument of a create', async () => {
    await driver.check([{ name: 'a', size: '512mb' }], signal);
    const machines = await createMachines(['a', 'b'], { size: '512mb' });
    expect(await lab.vms()).toEqual(['a', 'b']);
    const info = readInfo(await lab.vbox('showvminfo', machines[0]?.id ?? '', '--machinereadable'));
    expect(Object.fromEntries(info)).toMatchObject({
      name: 'a',
      memory: '512',
      cpus: '1',
      VMState: 'running',
      groups: `/belt/default-${cluster.id.slice(0, 8)}`,
      nic1: 'nat',
      nic2: 'hostonly',
      'SATA-0-0': join(home('a'), 'disk.vdi'),
      'SATA-1-0': join(home('a'), 'seed.iso'),
      uart1: '0x03f8,4',
    });
    const disk = await lab.vbox('showmediuminfo', 'disk', join(home('a'), 'disk.vdi'));
    expect(disk).toMatch(/^Capacity: +4000 MBytes$/m);
    expect(disk).toMatch(/^Type: +normal \(differencing\)$/m);
    expect(new Set(machines.map(({ addresses }) => addresses.public)).size).toBe(2);
    // cloud-init looks for this label on all disks.
    const label = execFileSync('blkid', ['-p', '-o', 'value', '-s', 'LABEL', join(home('a'), 'seed.iso')]);
    expect(label.toString().trim()).toBe('cidata');
    expect((await stat(join(home('a'), 'seed.iso'))).mode & 0o777).toBe(0o600);
    await all(driver.remove(machines, signal));
  });

  test('the base disk remains when its last machine is removed', async () => {
    const machines = await createMachines(['a', 'b']);
    const [image] = (await driver.images?.list(signal)) ?? [];
    expect(image?.machines).toBe(2);
    await all(driver.remove(machines, signal));
    expect(await lab.vms()).toEqual([]);
    expect(existsSync(home('a'))).toBe(false);
    const [after] = (await driver.images?.list(signal)) ?? [];
    expect(after).toEqual({ ...image, machines: 0 });
    const base = /^Location: +(.*base\.vdi)$/m.exec(await lab.vbox('list', 'hdds'))?.[1] ?? '';
    expect(existsSync(base)).toBe(true);
    // The driver avoids this: VirtualBox's own command also deletes the base disk.
    const [machine] = await createMachines(['c']);
    await lab.vbox('controlvm', machine?.id ?? '', 'poweroff');
    await lab.vbox('unregistervm', machine?.id ?? '', '--delete');
    expect(existsSync(base)).toBe(false);
    expect(await createMachines(['c'])).toHaveLength(1);
    await all(driver.remove(await known(['c']), signal));
  });

  test('snapshots are removed with their machine, and the base disk remains', async () => {
    const [machine] = await createMachines(['a']);
    const id = machine?.id ?? '';
    await lab.vbox('controlvm', id, 'poweroff');
    await lab.vbox('snapshot', id, 'take', 'one');
    await lab.vbox('snapshot', id, 'take', 'two');
    await all(driver.remove(machine ? [machine] : [], signal));
    expect(await lab.vms()).toEqual([]);
    expect((await driver.images?.list(signal))?.[0]?.machines).toBe(0);
  });

  test('a rerun finishes a create that was interrupted anywhere, with each machine once', async () => {
    let tried = 0;
    const requests = requestsFor(['a', 'b']);
    let calls = 0;
    for (const cutAfter of [2, 6, 9, 12, 15, 18]) {
      tried++;
      const cut = new AbortController();
      const before = lab.calls.length;
      const watch = setInterval(() => lab.calls.length - before >= cutAfter && cut.abort(), 1);
      await run(driver.create(requests, cut.signal));
      clearInterval(watch);
      calls += lab.calls.length - before;
      driver = await open();
    }
    expect(calls).toBeGreaterThan(6);
    await all(driver.create(requests, signal));
    expect(await lab.vms()).toEqual(['a', 'b']);
    const before = lab.calls.length;
    await all(driver.create(requests, signal));
    expect(verbsSince(before)).not.toContain('createvm');
    await all(driver.remove(await known(['a', 'b']), signal));
    recordFault({ kind: 'Killed and interrupted', fault: '`create` of two VMs is interrupted', tried });
  });

  test('a VM of an earlier create with other keys is created again', async () => {
    await createMachines(['a']);
    const before = lab.calls.length;
    await createMachines(['a']);
    expect(verbsSince(before)).toEqual(expect.arrayContaining(['unregistervm', 'createvm']));
    expect(await lab.vms()).toEqual(['a']);
    await all(driver.remove(await known(['a']), signal));
  });

  test('concurrent creates give every machine its own address', async () => {
    const other = { id: randomUUID(), name: 'default' };
    const second = await open(other);
    neighbours.push(second);
    const names = ['a', 'b', 'c', 'd'];
    const events = await Promise.all([
      all(driver.create(requestsFor(names), signal)),
      all(second.create(requestsFor(names), signal)),
    ]);
    const addresses = events.flat().flatMap((event) => addressIn(event) ?? []);
    expect(new Set(addresses).size).toBe(8);
    expect(await lab.vms()).toHaveLength(8);
    expect((await driver.list([], signal)).map(({ name }) => name).sort()).toEqual(names);
    await all(driver.remove(await known(names), signal));
    await all(second.remove(await known(names, second), signal));
    expect(await lab.vms()).toEqual([]);
    recordFault({ kind: 'Two belts at once', fault: 'two belts create VMs', tried: 2 });
  });

  test('calls for one VM run one at a time, and wait while another program has it locked', async () => {
    const [machine] = await createMachines(['a']);
    const id = machine?.id ?? '';
    await all(driver.kill(machine ? [machine] : [], signal));
    const vbox = openVBoxManage(String(lab.settings['install_path']));
    const descriptions = Array.from({ length: 6 }, (_, index) => `number ${index}`);
    await Promise.all(descriptions.map((text) => vbox.onVm(id, ['modifyvm', id, '--description', text])));
    // Two programs that do not know each other.
    const others = [vbox, openVBoxManage(String(lab.settings['install_path']))];
    await Promise.all(
      others.flatMap((one) =>
        [256, 512, 768].map((mb) => one.onVm(id, ['modifyvm', id, '--memory', `${mb}`])),
      ),
    );
    // Reading a VM locks it as well.
    const infos = await Promise.all(
      Array.from({ length: 6 }, () => others.map((one) => requireInfo(one, id, 'a'))).flat(),
    );
    expect(new Set(infos.map((info) => info.get('name')))).toEqual(new Set(['a']));
    await all(driver.remove(machine ? [machine] : [], signal));
  });

  test('machines can be started, stopped, restarted, killed, and resumed from paused and saved states', async () => {
    const machines = await createMachines(['a']);
    const id = machines[0]?.id ?? '';
    const state = async () => (await driver.list(machines, signal))[0]?.state;
    expect(await state()).toBe('running');
    await all(driver.stop(machines, signal));
    expect(await state()).toBe('stopped');
    await all(driver.stop(machines, signal));
    await all(driver.start(machines, signal));
    await all(driver.start(machines, signal));
    await lab.vbox('controlvm', id, 'pause');
    expect(await state()).toBe('paused');
    await all(driver.start(machines, signal));
    expect(await state()).toBe('running');
    await lab.vbox('controlvm', id, 'pause');
    await all(driver.restart?.(machines, signal) ?? nothing());
    expect(await state()).toBe('running');
    await all(driver.kill(machines, signal));
    expect(await state()).toBe('stopped');
    const saved = join(lab.folder, 'state.sav');
    await writeFile(saved, '');
    await lab.vbox('adoptstate', id, saved);
    expect(await state()).toBe('saved');
    expect(await failures(driver.resize(machines, '2gb', signal))).toEqual([
      expect.stringContaining('a is saved'),
    ]);
    await all(driver.remove(machines, signal));
    expect(await lab.vms()).toEqual([]);
  });

  test('start keeps a machine in the network that it was created in, whatever is configured', async () => {
    const cidr = String(lab.settings['hostonly_cidr']);
    const own = cidr.replace('.1/24', '');
    const other = await open(cluster, { hostonly_cidr: otherRange(own) });
    const [machine] = await createMachines(['a']);
    if (!machine) throw new Error('no machine was made');
    expect(machine.driverData['HostOnlyCIDR']).toBe(cidr);
    const network = async () => {
      const info = readInfo(await lab.vbox('showvminfo', machine.id ?? '', '--machinereadable'));
      const blocks = readBlocks(await lab.vbox('list', 'hostonlyifs'));
      const address = blocks.find((block) => block.get('Name') === info.get('hostonlyadapter2'));
      return [address?.get('IPAddress'), blocks.length];
    };
    const restart = async (by: Driver, record: Machine = machine) => {
      await all(by.kill([record], signal));
      await all(by.start([record], signal));
      return network();
    };

    const before = await network();
    expect(before[0]).toBe(`${own}.1`);
    expect(await restart(other)).toEqual(before);
    // As docker-machine records it: without a range, or in its own field.
    expect(await restart(other, { ...machine, driverData: {} })).toEqual(before);

    // If the interface or its address is missing, the machine's network is created again.
    const removeInterface = async () => {
      await all(other.kill([machine], signal));
      const info = readInfo(await lab.vbox('showvminfo', machine.id ?? '', '--machinereadable'));
      await lab.vbox('hostonlyif', 'remove', info.get('hostonlyadapter2') ?? '');
    };
    await removeInterface();
    expect((await restart(other))[0]).toBe(`${own}.1`);
    await removeInterface();
    expect((await restart(other, { ...machine, driverData: {} }))[0]).toBe(`${own}.1`);
    await all(driver.remove([machine], signal));
  });

  test('resize changes memory, processors and disk, and starts running machines again', async () => {
    const machines = await createMachines(['a', 'b']);
    const [a, b] = machines;
    await all(driver.kill(b ? [b] : [], signal));
    const larger = await open(cluster, { cpu_count: 2, disk_size: 6000 });
    await all(larger.resize(machines, '2gb', signal));
    const seen = await driver.list(machines, signal);
    expect(seen.map(({ state, memory }) => [state, memory])).toEqual([
      ['running', 2048],
      ['stopped', 2048],
    ]);
    const info = readInfo(await lab.vbox('showvminfo', a?.id ?? '', '--machinereadable'));
    expect(info.get('cpus')).toBe('2');
    expect(await lab.vbox('showmediuminfo', 'disk', join(home('a'), 'disk.vdi'))).toMatch(/6000 MBytes/);
    expect(await failures(driver.resize(machines, 's-1vcpu', signal))).toEqual(
      Array(2).fill('"s-1vcpu" is not a size for virtualbox'),
    );
    await all(driver.remove(machines, signal));
  });

  test('a VM that was removed in VirtualBox Manager is missing, and can be removed', async () => {
    const machines = await createMachines(['a', 'b']);
    await lab.vbox('controlvm', machines[0]?.id ?? '', 'poweroff');
    await lab.vbox('unregistervm', machines[0]?.id ?? '');
    expect((await driver.list(machines, signal)).map(({ name, state }) => [name, state])).toEqual([
      ['a', 'missing'],
      ['b', 'running'],
    ]);
    expect(await failures(driver.start(machines.slice(0, 1), signal))).toEqual([
      'the machine a no longer exists in VirtualBox',
    ]);
    // Without a record of b, the driver still finds it.
    expect((await driver.list([], signal)).map(({ name }) => name)).toEqual(['b']);
    await all(driver.remove(machines, signal));
    await all(driver.create(requestsFor(['a']), signal));
    await all(driver.remove(await known(['a']), signal));
    expect(await lab.vms()).toEqual([]);
  });

  test('machines of a NAT network have forwarded ports', async () => {
    driver = await open(cluster, { network: 'natnetwork' });
    const [machine] = await createMachines(['a']);
    expect(machine?.addresses).toEqual({ public: '127.98.0.2', private: '10.98.0.2' });
    expect(machine?.ssh.port).toBe(2222);
    const info = readInfo(await lab.vbox('showvminfo', machine?.id ?? '', '--machinereadable'));
    expect([info.get('nic1'), info.get('nat-network1')]).toEqual(['natnetwork', 'belt']);
    const forwards = async () => (await lab.vbox('natnetwork', 'list')).match(/:(2222|2376):/g) ?? [];
    expect(await forwards()).toEqual([':2376:', ':2222:']);
    await all(driver.remove(machine ? [machine] : [], signal));
    expect(await forwards()).toEqual([]);
  });

  test('a boot2docker machine gets a fixed address from DHCP', async () => {
    const iso = join(lab.folder, 'boot2docker.iso');
    await writeFile(iso, isoImage('b2d-v19.03.12', { version: '19.03.12' }));
    driver = await open(cluster, { boot2docker_url: iso });
    await driver.check([{ name: 'a' }], signal);
    const [machine] = await createMachines(['a']);
    expect(machine?.ssh).toEqual({ user: 'docker', port: 22 });
    const info = readInfo(await lab.vbox('showvminfo', machine?.id ?? '', '--machinereadable'));
    expect(Object.fromEntries(info)).toMatchObject({
      boot1: 'dvd',
      'SATA-0-0': iso,
      'SATA-1-0': join(home('a'), 'disk.vdi'),
      SharedFolderNameMachineMapping1: 'hosthome',
      SharedFolderPathMachineMapping1: '/home',
    });
    expect(await lab.vbox('list', 'dhcpservers')).toMatch(
      new RegExp(`VM NIC: +${machine?.id}[^]*Fixed Address: +${machine?.addresses.public}\\b`),
    );
    const raw = join(lab.folder, 'disk.raw');
    await lab.vbox('clonemedium', 'disk', join(home('a'), 'disk.vdi'), raw, '--format', 'RAW');
    const start = await readFirst(raw, 4096);
    expect(start.toString('latin1')).toMatch(/^boot2docker, please format-me\0/);
    expect(execFileSync('tar', ['-xO', '.ssh/authorized_keys'], { input: start }).toString()).toMatch(
      /^ssh-/,
    );
    await lab.vbox('closemedium', 'disk', raw, '--delete');
    await all(driver.remove(machine ? [machine] : [], signal));
    expect(await lab.vbox('list', 'dhcpservers')).not.toContain(machine?.id);
    expect(existsSync(iso)).toBe(true);
    const without = await open(cluster, { boot2docker_url: iso, hostonly_no_dhcp: true });
    await expect(without.check([{ name: 'a' }], signal)).rejects.toThrow('get their addresses by DHCP');
  });

  test('create refuses invalid settings and changes nothing', async () => {
    const refusals: [Record<string, unknown>, string][] = [
      [
        { hostonly_cidr: '192.168.99.1/24' },
        'VirtualBox does not allow the host-only network 192.168.99.0/24',
      ],
      [{ no_vtx_check: false }, 'this computer cannot run virtual machines'],
      [{ image: 'debian-31' }, 'unknown image "debian-31"'],
      [{ install_path: '/nowhere' }, 'VBoxManage was not found'],
    ];
    for (const [settings, message] of refusals) {
      const refusing = await open(cluster, settings);
      await expect(refusing.check([{ name: 'a' }], signal)).rejects.toThrow(message);
    }
    await expect(driver.check([{ name: 'a', size: '64mb' }], signal)).rejects.toThrow('not enough memory');
    await expect(driver.check([{ name: 'a', size: '9tb' }], signal)).rejects.toThrow(
      'more than this computer',
    );
    expect(await lab.vms()).toEqual([]);
  });

  test('an image with a wrong checksum is refused', async () => {
    const wrong = await open(cluster, {
      image_checksum: `sha256:${'0'.repeat(64)}`,
      folder: join(lab.folder, 'x'),
    });
    const prepared = wrong.prepare?.(requestsFor(['a']), () => {}, signal);
    await expect(prepared).rejects.toThrow('checksum mismatch');
    expect(await wrong.images?.list(signal)).toEqual([]);
    const absent = await open(cluster, {
      image: `${lab.settings['image']}.gone`,
      folder: join(lab.folder, 'x'),
    });
    await expect(absent.prepare?.([], () => {}, signal)).rejects.toThrow('no checksum of lab.raw.gone');
  });

  test('images of all formats can be built, rebuilt and removed', async () => {
    const folder = join(lab.folder, 'images');
    await driver.prepare?.([], () => {}, signal);
    const base = /^Location: +(.*base\.vdi)$/m.exec(await lab.vbox('list', 'hdds'))?.[1];
    const vmdk = join(lab.folder, 'own.vmdk');
    await lab.vbox('clonemedium', 'disk', base ?? '', vmdk, '--format', 'VMDK');
    await lab.vbox('closemedium', 'disk', vmdk);
    driver = await open(cluster, { image: vmdk, folder });
    const machines = await createMachines(['a']);
    const [image] = (await driver.images?.list(signal)) ?? [];
    expect(image).toMatchObject({ name: expect.stringMatching(/^own-[0-9a-f]{8}$/), machines: 1 });
    await expect(driver.images?.remove(image?.name ?? '', signal)).rejects.toThrow('is in use by 1 machine');
    const rebuilt = await driver.images?.build(vmdk, { rebuild: true }, () => {}, signal);
    expect(rebuilt?.builtAt).not.toBe(image?.builtAt);
    await all(driver.remove(machines, signal));
    await driver.images?.remove(image?.name ?? '', signal);
    expect(await driver.images?.list(signal)).toEqual([]);
    expect(await lab.vbox('list', 'hdds')).not.toContain(folder);
  });

  test.each([
    "Cannot unregister the machine 'a' while it is locked",
    "The machine 'a' is already locked for a session (or being unlocked)",
    "The machine 'a' already has a lock request pending",
  ])('a call is retried after: %s', async (text) => {
    // A program that prints the error once, as recorded from VirtualBox or read in its source.
    const bin = await mkdtemp(join(lab.folder, 'once-'));
    const error = `VBoxManage: error: ${text}\nVBoxManage: error: Details: code VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component MachineWrap`;
    const script = `#!/bin/sh\n[ -e ${bin}/said ] || { touch ${bin}/said; cat >&2 <<'END'\n${error}\nEND\nexit 1; }\necho done\n`;
    await writeFile(join(bin, 'VBoxManage'), script, { mode: 0o755 });
    expect(await openVBoxManage(bin).onVm('a', ['unregistervm', 'a'])).toBe('done');
  });

  test("errors have VirtualBox's codes", async () => {
    const vbox = openVBoxManage(String(lab.settings['install_path']));
    const error = await vbox.run(['showvminfo', 'unknown']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(VBoxError);
    expect((error as VBoxError).code).toBe('VBOX_E_OBJECT_NOT_FOUND');
    expect((error as VBoxError).message).toBe(
      "VBoxManage showvminfo unknown: Could not find a registered machine named 'unknown'",
    );
  });

  test('doctor reports what is missing on this computer', async () => {
    const checks = await driver.doctor(signal);
    expect(checks.map(({ name }) => name)).toEqual([
      'VBoxManage',
      'kernel module vboxdrv',
      'processor',
      'host-only network',
    ]);
    expect(checks[0]).toMatchObject({ ok: true, detail: expect.stringMatching(/^7\./) });
    expect(await (await open(cluster, { install_path: '/nowhere' })).doctor(signal)).toMatchObject([
      { name: 'VBoxManage', ok: false },
    ]);
  });
});

function open(of = cluster, settings: Record<string, unknown> = {}): Promise<Driver> {
  const defaults = Object.fromEntries(module.settings.map(({ key, default: value }) => [key, value]));
  return module.open({
    settings: { ...defaults, ...lab.settings, ...settings } as never,
    cluster: of,
    templates: templatesIn('templates'),
    user: { resolvePath: (path) => path, defaultKeyPaths: [] },
  });
}

/** Another of the ranges that VirtualBox allows: 192.168.56, 192.168.57, ... */
function otherRange(network: string): string {
  const third = Number(network.split('.')[2]);
  return `192.168.${56 + ((third - 56 + 1) % 8)}.1/24`;
}

function home(name: string): string {
  return join(lab.folder, 'vms/belt', `default-${cluster.id.slice(0, 8)}`, name);
}

function requestsFor(names: readonly string[], { size }: { size?: string } = {}): CreateRequest[] {
  return names.map((name) => ({
    name,
    ...(size !== undefined && { size }),
    ssh: { user: 'root', authorizedKey: generateKeyPair('test').publicKey, hostKey: generateKeyPair(name) },
  }));
}

/** Creates machines and returns their records. */
async function createMachines(names: readonly string[], options: { size?: string } = {}): Promise<Machine[]> {
  const events = await all(driver.create(requestsFor(names, options), signal));
  return names.map((name) => {
    const changes = events.flatMap((event) =>
      event.type === 'changed' && event.name === name ? [event.change] : [],
    );
    const {
      id,
      addresses = {},
      ssh,
      memory,
      driverData = {},
    } = Object.assign({}, ...changes) as MachineChange;
    return {
      ...recordOf(name, id),
      addresses,
      driverData,
      ...(memory !== undefined && { memory }),
      ssh: { user: 'root', port: 22, ...ssh },
    };
  });
}

async function known(names: readonly string[], by = driver): Promise<Machine[]> {
  return (await by.list([], signal))
    .filter(({ name }) => names.includes(name))
    .map(({ name, id }) => recordOf(name, id));
}

function recordOf(name: string, id: string | undefined): Machine {
  return {
    name,
    driver: 'virtualbox',
    phase: 'ready',
    ...(id !== undefined && { id }),
    addresses: {},
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

async function run(events: AsyncIterable<MachineEvent>): Promise<MachineEvent[]> {
  const seen: MachineEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

async function all(events: AsyncIterable<MachineEvent>): Promise<MachineEvent[]> {
  const seen = await run(events);
  for (const event of seen) if (event.type === 'failed') throw event.error;
  return seen;
}

async function failures(events: AsyncIterable<MachineEvent>): Promise<string[]> {
  return (await run(events)).flatMap((event) => (event.type === 'failed' ? [event.error.message] : []));
}

async function readFirst(path: string, length: number): Promise<Buffer> {
  const file = await openFile(path);
  try {
    return (await file.read(Buffer.alloc(length), 0, length, 0)).buffer;
  } finally {
    await file.close();
  }
}

async function* nothing(): AsyncIterable<MachineEvent> {}

function addressIn(event: MachineEvent): string | undefined {
  return event.type === 'changed' ? event.change.addresses?.public : undefined;
}

function verbsSince(before: number): string[] {
  return lab.calls.slice(before).map(({ args }) => args[0] ?? '');
}
