import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { templatesIn } from '../../src/base/templates.js';
import type { CreateRequest, Driver, MachineEvent } from '../../src/drivers/driver.js';
import { driver } from '../../src/drivers/nspawn/index.js';
import type { Machine } from '../../src/machines/model/machine.js';
import { generateKeyPair } from '../../src/ssh/index.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';
import type { Order } from './nspawn-program.js';

/**
 * The nspawn driver on real machines, in its own data folder and on its own bridge, so that a
 * user's machines are not affected.
 */

const bridge = `bt${process.pid}`;
const cluster = { id: 'contract', name: 'contract' };
const userKey = generateKeyPair('user');
const hostKeys = new Map<string, ReturnType<typeof generateKeyPair>>();
const { signal } = new AbortController();
let folder = '';
let data = '';
let nspawn: Driver;

describe.skipIf(!canCreateMachines())('nspawn machines', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'belt-nspawn-'));
    await chmod(folder, 0o755);
    data = join(folder, 'data');
    await mkdir(data);
    // Copies the image that the setup built, because a driver prunes images that its own machines
    // do not use.
    if (existsSync('/var/lib/belt/images/debian-13')) {
      await mkdir(join(data, 'images'));
      execFileSync('cp', [
        '--archive',
        '--reflink=auto',
        '/var/lib/belt/images/debian-13',
        join(data, 'images'),
      ]);
    }
    await writeFile(join(folder, 'key'), userKey.privateKey, { mode: 0o600 });
    await bundleProgram();
    nspawn = await openDriver({});
    await nspawn.prepare?.([], () => {}, signal);
  });

  afterEach(async () => {
    await run(nspawn.remove(await recorded(), signal));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test('a machine can be created, listed, stopped, started, restarted, killed, resized and removed', async () => {
    const before = traces();
    const requests = ['alpha', 'beta', 'gamma'].map((name) => request(name));
    await nspawn.check(requests, signal);
    const events = await run(nspawn.create(requests, signal));
    expect(outcomes(events)).toEqual({ alpha: 'done', beta: 'done', gamma: 'done' });

    const machines = await recorded();
    const addresses = machines.map(({ addresses }) => addresses.public ?? '');
    expect(new Set(addresses).size).toBe(3);
    expect(await nspawn.list(machines, signal)).toEqual(
      machines.map(({ id, name, addresses }) => ({
        id,
        name,
        addresses,
        state: 'running',
        size: '512mb',
        memory: 512,
      })),
    );
    for (const { name, addresses } of machines) await expectSshOf(name, addresses.public ?? '');
    const [alpha, beta, gamma] = machines as [Machine, Machine, Machine];
    expect(inGuest(alpha, 'hostname; id -un; docker info --format {{.Driver}}')).toBe(
      'alpha\nroot\noverlay2',
    );
    expect(inGuest(alpha, 'systemctl is-system-running --wait')).toBe('running');

    expect(outcomes(await run(nspawn.stop([alpha, beta], signal)))).toEqual({ alpha: 'done', beta: 'done' });
    expect(await states()).toEqual({ alpha: 'stopped', beta: 'stopped', gamma: 'running' });
    expect(outcomes(await run(nspawn.stop([alpha], signal)))).toEqual({ alpha: 'done' });
    expect(outcomes(await run(nspawn.start([alpha, beta], signal)))).toEqual({ alpha: 'done', beta: 'done' });
    expect(outcomes(await run(nspawn.start([alpha], signal)))).toEqual({ alpha: 'done' });
    await expectSshOf('alpha', alpha.addresses.public ?? '');

    inGuest(alpha, 'echo kept > /root/kept; sync');
    const bootOf = (machine: Machine) => inGuest(machine, 'cat /proc/1/stat | cut -d" " -f22');
    const firstBoot = bootOf(alpha);
    if (!nspawn.restart) throw new Error('it leaves restarts to belt');
    expect(outcomes(await run(nspawn.restart([alpha], signal)))).toEqual({ alpha: 'done' });
    await expectSshOf('alpha', alpha.addresses.public ?? '');
    expect(bootOf(alpha)).not.toBe(firstBoot);
    expect(inGuest(alpha, 'cat /root/kept')).toBe('kept');

    expect(outcomes(await run(nspawn.kill([beta], signal)))).toEqual({ beta: 'done' });
    expect(outcomes(await run(nspawn.kill([beta], signal)))).toEqual({ beta: 'done' });
    expect(await states()).toEqual({ alpha: 'running', beta: 'stopped', gamma: 'running' });

    expect(outcomes(await run(nspawn.resize([beta, gamma], '1gb', signal)))).toEqual({
      beta: 'done',
      gamma: 'done',
    });
    expect((await nspawn.list(await recorded(), signal)).map(({ memory }) => memory)).toEqual([
      512, 1024, 1024,
    ]);
    const limit = memoryLimitFile(gamma);
    if (limit) expect((await readFile(limit, 'utf8')).trim()).toBe(String(1024 ** 3));

    // As an interrupted removal leaves it.
    const removed = join(data, 'machines', '.removing-delta', 'root');
    await mkdir(removed, { recursive: true });
    const removals = (await nspawn.doctor(signal)).find(({ name }) => name === 'removed guests');
    expect(removals?.detail).toBe(`1 interrupted removal in ${join(data, 'machines')}`);
    await removals?.fix?.(signal);
    expect((await nspawn.doctor(signal)).map(({ name }) => name)).not.toContain('removed guests');
    await mkdir(removed, { recursive: true });
    expect(outcomes(await run(nspawn.remove(machines, signal)))).toEqual({
      alpha: 'done',
      beta: 'done',
      gamma: 'done',
    });
    expect(outcomes(await run(nspawn.remove(machines, signal)))).toEqual({
      alpha: 'done',
      beta: 'done',
      gamma: 'done',
    });
    expect((await nspawn.list(machines, signal)).map(({ state }) => state)).toEqual([
      'missing',
      'missing',
      'missing',
    ]);
    expect(traces()).toEqual(before);
    expect(await readdir(join(data, 'machines'))).toEqual([]);
    expect(await readdir(join(data, 'run'))).toEqual(['locks']);
    expect(existsSync(join(data, 'network.json'))).toBe(false);
  });

  test('resize refuses a memory limit below what the machine uses', async () => {
    await run(nspawn.create([request('eater')], signal));
    const [eater] = (await recorded()) as [Machine];
    const limit = memoryLimitFile(eater);
    if (!limit) return;
    await expectSshOf('eater', eater.addresses.public ?? '');
    inGuest(eater, 'mount -t tmpfs tmpfs /mnt && head -c 300M /dev/zero > /mnt/full');
    const [last] = (await run(nspawn.resize([eater], '256mb', signal))).slice(-1);
    expect(last).toMatchObject({ type: 'failed', name: 'eater' });
    expect(last?.type === 'failed' && last.error.message).toMatch(
      /^the machine uses \d+ MB, more than 256 MB$/,
    );
    expect((await readFile(limit, 'utf8')).trim()).toBe(String(512 * 1024 ** 2));
    expect((await nspawn.list([eater], signal)).map(({ size }) => size)).toEqual(['512mb']);
  });

  test('a rerun finishes a create that was killed', async () => {
    const requests = ['one', 'two', 'three'].map((name) => request(name));
    const other = inProcess({ action: 'create', requests });
    const first = await other.next();
    expect(first).toMatchObject({ type: 'changed', name: 'one' });
    other.kill('SIGKILL');
    await other.ended;

    const before = await nspawn.list([], signal);
    expect(before.map(({ name }) => name).sort()).toEqual(['one', 'three', 'two']);
    expect(outcomes(await run(nspawn.create(requests, signal)))).toEqual({
      one: 'done',
      two: 'done',
      three: 'done',
    });
    const after = await nspawn.list([], signal);
    expect(after.map(({ id, addresses }) => ({ id, addresses }))).toEqual(
      before.map(({ id, addresses }) => ({ id, addresses })),
    );
    for (const { name, addresses } of await recorded()) await expectSshOf(name, addresses.public ?? '');
    // A third run finds everything up to date and boots nothing.
    const pids = await processFiles();
    expect(outcomes(await run(nspawn.create(requests, signal)))).toEqual({
      one: 'done',
      two: 'done',
      three: 'done',
    });
    expect(await processFiles()).toEqual(pids);
    recordFault({ kind: 'Killed and interrupted', fault: '`create` of three guests is killed' });
  });

  test('an aborted create fails each machine, and a rerun finishes it', async () => {
    const abort = new AbortController();
    const requests = [request('one'), request('two')];
    const events: MachineEvent[] = [];
    for await (const event of nspawn.create(requests, abort.signal)) {
      events.push(event);
      abort.abort();
    }
    expect(
      events.flatMap((event) => (event.type === 'failed' ? [[event.name, event.error.name]] : [])).sort(),
    ).toEqual([
      ['one', 'AbortError'],
      ['two', 'AbortError'],
    ]);
    expect(outcomes(await run(nspawn.create(requests, signal)))).toEqual({ one: 'done', two: 'done' });
    recordFault({ kind: 'Killed and interrupted', fault: '`create` of two guests is interrupted' });
  });

  test('concurrent creates give every machine its own address', async () => {
    const creates = ['red', 'green', 'blue'].map((color) =>
      inProcess({ action: 'create', requests: [request(`${color}1`), request(`${color}2`)] }),
    );
    const events = (await Promise.all(creates.map((create) => create.rest()))).flat() as MachineEvent[];
    expect(Object.values(outcomes(events))).toEqual(Array(6).fill('done'));
    const addresses = (await recorded()).map((machine) => machine.addresses.public);
    expect(new Set(addresses).size).toBe(6);
    recordFault({ kind: 'Two belts at once', fault: 'three belts create guests', tried: 3 });
  });

  test('a machine whose systemd-nspawn was killed is stopped, and starts again', async () => {
    await run(nspawn.create([request('crash')], signal));
    const [crash] = (await recorded()) as [Machine];
    const text = await readFile(join(data, 'run', `${crash.id}.process`), 'utf8');
    process.kill(Number(text.split(' ')[0]), 'SIGKILL');
    await expect.poll(states).toEqual({ crash: 'stopped' });
    expect(outcomes(await run(nspawn.start([crash], signal)))).toEqual({ crash: 'done' });
    await expectSshOf('crash', crash.addresses.public ?? '');
    recordFault({ kind: 'Machines, engines and networks that fail', fault: 'systemd-nspawn is killed' });
  });

  test('start waits until the kernel has removed the link of a killed machine', async () => {
    await run(nspawn.create([request('alpha')], signal));
    const machines = await recorded();
    await run(nspawn.kill(machines, signal));
    const link = `vb-${machines[0]?.id}`;
    execFileSync('ip', ['link', 'add', link, 'type', 'bridge']);
    const gone = setTimeout(() => execFileSync('ip', ['link', 'delete', link]), 1000);
    expect(outcomes(await run(nspawn.start(machines, signal)))).toEqual({ alpha: 'done' });
    clearTimeout(gone);
  });

  test('create refuses a full address range before it creates anything, and reuses freed addresses', async () => {
    const settings = { network: '10.254.77.0/29' };
    const small = await openDriver(settings);
    const five = ['a', 'b', 'c', 'd', 'e'].map((name) => request(name));
    await small.check(five, signal);
    await expect(small.check([...five, request('f')], signal)).rejects.toMatchObject({
      message: '10.254.77.0/29 has 5 of its 5 addresses left; 6 required',
    });
    await run(small.create([request('a'), request('b')], signal));
    await expect(
      small.check(
        ['a', 'c', 'd', 'e', 'f'].map((name) => request(name)),
        signal,
      ),
    ).rejects.toMatchObject({
      message: '10.254.77.0/29 has 3 of its 5 addresses left; 4 required',
    });
    const [a] = (await recorded()) as [Machine];
    await run(small.remove([a], signal));
    await run(small.create([request('c')], signal));
    expect((await recorded()).map(({ name, addresses }) => [name, addresses.public])).toEqual([
      ['b', '10.254.77.3'],
      ['c', '10.254.77.2'],
    ]);
  });

  test('a new machine at the address of a removed one has the same MAC address', async () => {
    const seen: string[] = [];
    for (const name of ['former', 'latter']) {
      await run(nspawn.create([request(name)], signal));
      const [machine] = (await recorded()) as [Machine];
      const address = machine.addresses.public ?? '';
      await expectSshOf(name, address);
      const neighbour = execFileSync('ip', ['neigh', 'show', address, 'dev', bridge]).toString();
      seen.push(`${address} ${/lladdr (\S+)/.exec(neighbour)?.[1]}`);
      await run(nspawn.remove([machine], signal));
    }
    expect(seen[0]).toMatch(/ ([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    expect(seen[1]).toBe(seen[0]);
  });

  test('a network in use is refused with the name of the device', async () => {
    const clashing = await openDriver({ network: '127.0.0.0/8' });
    await expect(clashing.check([request('a')], signal)).rejects.toMatchObject({
      message: 'the network 127.0.0.0/8 clashes with 127.0.0.1/8 on lo',
    });
  });

  test('a damaged record is reported, does not affect other machines, and is not overwritten', async () => {
    await run(nspawn.create([request('good'), request('bad')], signal));
    const bad = (await recorded()).find(({ name }) => name === 'bad') as Machine;
    const path = join(data, 'machines', bad.id ?? '', 'machine.json');
    await writeFile(path, '{"version": 1');
    expect((await nspawn.list([bad], signal)).map(({ name, state }) => [name, state]).sort()).toEqual([
      ['bad', 'error'],
      ['good', 'running'],
    ]);
    for (const events of [
      await run(nspawn.stop([bad], signal)),
      await run(nspawn.create([request('bad')], signal)),
    ]) {
      const failure = events.find((event) => event.type === 'failed');
      expect(failure?.error.message).toContain(`${path} is damaged: `);
    }
    expect(await readFile(path, 'utf8')).toBe('{"version": 1');
    await run(nspawn.create([request('third')], signal));
    expect(outcomes(await run(nspawn.remove([bad], signal)))).toEqual({ bad: 'done' });
    expect(await states()).toEqual({ good: 'running', third: 'running' });
    const addresses = (await recorded()).map((machine) => machine.addresses.public);
    expect(addresses).not.toContain(bad.addresses.public);
    recordFault({ kind: 'Disks and files', fault: 'the record of a guest is torn' });
  });

  test('a user without root can list machines, and is asked to use sudo for the rest', async () => {
    await run(nspawn.create([request('seen')], signal));
    const list = await inProcess({ action: 'list', requests: [] }, 65534).rest();
    expect(list).toEqual([await nspawn.list([], signal)]);
    const check = await inProcess({ action: 'check', requests: [request('more')] }, 65534).rest();
    expect(check).toEqual(['the nspawn driver needs root to create and change machines']);
    const secrets = execFileSync('find', [
      join(data, 'machines'),
      '-name',
      'ssh_host_ed25519_key',
      '-perm',
      '/077',
    ]);
    expect(secrets.toString()).toBe('');
  });

  test('machines reach each other and the network of the computer', async () => {
    await run(nspawn.create([request('near'), request('far')], signal));
    const [far, near] = (await recorded()) as [Machine, Machine];
    await expectSshOf('near', near.addresses.public ?? '');
    await expectSshOf('far', far.addresses.public ?? '');
    const probe = (host: string, port: number) =>
      `timeout 5 bash -c '</dev/tcp/${host}/${port}' 2>/dev/null && echo yes || echo no`;
    expect(inGuest(near, probe(far.addresses.public ?? '', 22))).toBe('yes');
    const here = execFileSync('sh', ['-c', probe('deb.debian.org', 80)])
      .toString()
      .trim();
    expect(inGuest(near, probe('deb.debian.org', 80))).toBe(here);
  });
});

async function openDriver(settings: Record<string, string>): Promise<Driver> {
  return driver.open({
    settings: { data, bridge, ...settings },
    cluster,
    templates: templatesIn('templates'),
    user: { resolvePath: (path) => path, defaultKeyPaths: [] },
  });
}

function request(name: string): CreateRequest {
  const hostKey = hostKeys.get(name) ?? generateKeyPair(name);
  hostKeys.set(name, hostKey);
  return { name, size: '512mb', ssh: { user: 'root', authorizedKey: userKey.publicKey, hostKey } };
}

async function run(events: AsyncIterable<MachineEvent>): Promise<MachineEvent[]> {
  const all: MachineEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** The result for each machine: `done`, or the error. */
function outcomes(events: readonly MachineEvent[]): Record<string, string> {
  return Object.fromEntries(
    events.flatMap((event) => {
      if (event.type === 'done') return [[event.name, 'done']];
      return event.type === 'failed' ? [[event.name, event.error.message]] : [];
    }),
  );
}

/** Returns the driver's machines by name, as belt would have recorded them. */
async function recorded(): Promise<Machine[]> {
  const observed = await nspawn.list([], signal);
  return observed.map(({ name, id, addresses }) => ({
    name,
    driver: 'nspawn',
    phase: 'ready',
    ...(id === undefined ? {} : { id }),
    addresses: addresses ?? {},
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: '2026-01-01T00:00:00.000Z',
  }));
}

async function states(): Promise<Record<string, string>> {
  return Object.fromEntries((await nspawn.list([], signal)).map(({ name, state }) => [name, state]));
}

async function processFiles(): Promise<string[]> {
  const names = (await readdir(join(data, 'run'))).filter((name) => name.endsWith('.process'));
  return Promise.all(names.map((name) => readFile(join(data, 'run', name), 'utf8')));
}

/** Lists what machines of this test could leave on the computer. */
function traces(): Record<string, string[]> {
  const lines = (program: string, ...args: string[]) => execFileSync(program, args).toString().split('\n');
  return {
    mounts: lines('cat', '/proc/self/mountinfo').filter((line) => line.includes(folder)),
    processes: lines('ps', '-eo', 'args').filter(
      (line) => line.includes(`${data}/`) && line.includes('nspawn'),
    ),
    interfaces: lines('ip', '-o', 'link').filter((line) => line.includes(bridge)),
    rules: lines('iptables-save').filter((line) => line.includes(bridge)),
    groups: lines('find', '/sys/fs/cgroup', '-type', 'd').filter((line) =>
      /\/belt\/(alpha|beta|gamma)-/.test(line),
    ),
    // systemd-nspawn creates its folder with the computer's first machine.
    nspawn: lines('find', '/run/systemd', '-path', '*/nspawn/*').filter((line) =>
      /(alpha|beta|gamma)-/.test(line),
    ),
  };
}

function memoryLimitFile({ id }: Machine): string | undefined {
  return [
    `/sys/fs/cgroup/memory/belt/${id}/memory.limit_in_bytes`,
    `/sys/fs/cgroup/belt/${id}/memory.max`,
    `/sys/fs/cgroup/machine.slice/belt-${id}.service/memory.max`,
  ].find((path) => existsSync(path));
}

/** Waits for the machine's sshd and compares its host key with the one that belt set. */
async function expectSshOf(name: string, address: string): Promise<void> {
  await expect.poll(() => answers(address, 22)).toBe(true);
  const scan = execFileSync('ssh-keyscan', ['-T', '10', address], {
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString();
  const [type, key] = hostKeys.get(name)?.publicKey.split(' ') ?? [];
  // OpenSSH 10 also prints the server's banner there, as a comment.
  const found = scan.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(found).toEqual([`${address} ${type} ${key}`]);
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

function inGuest({ addresses, name }: Machine, command: string): string {
  const known = join(folder, `known-${name}`);
  const [type, key] = hostKeys.get(name)?.publicKey.split(' ') ?? [];
  execFileSync('sh', ['-c', `printf '%s\\n' "$1" > "$2"`, 'sh', `${addresses.public} ${type} ${key}`, known]);
  const options = [
    '-o',
    'BatchMode=yes',
    '-o',
    `UserKnownHostsFile=${known}`,
    '-o',
    'StrictHostKeyChecking=yes',
  ];
  const args = ['-i', join(folder, 'key'), ...options, `root@${addresses.public}`, command];
  return execFileSync('ssh', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    .toString()
    .trim();
}

async function bundleProgram(): Promise<void> {
  await build({
    entryPoints: [resolve('test/contract/nspawn-program.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: join(folder, 'program.mjs'),
    define: { __filename: 'import.meta.filename' },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  await execFileSync('cp', ['--recursive', 'templates', join(folder, 'templates')]);
}

/** Runs the driver in another process, possibly as another user. */
function inProcess({ action, requests }: Pick<Order, 'action' | 'requests'>, uid?: number) {
  const order: Order = {
    action,
    requests,
    settings: { data, bridge },
    templates: join(folder, 'templates'),
    cluster,
  };
  const child = spawn(process.execPath, [join(folder, 'program.mjs'), JSON.stringify(order)], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  return {
    next,
    async rest(): Promise<unknown[]> {
      const all: unknown[] = [];
      for (let value = await next(); value !== undefined; value = await next()) all.push(value);
      return all;
    },
    kill: (name: NodeJS.Signals) => child.kill(name),
    ended: new Promise<void>((done) => child.once('close', () => done())),
  };
}
