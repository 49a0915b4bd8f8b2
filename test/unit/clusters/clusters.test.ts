import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCluster } from '../../../src/clusters/create-cluster.js';
import { listClusters } from '../../../src/clusters/list-clusters.js';
import { planRemoval, removeCluster } from '../../../src/clusters/remove-cluster.js';
import { updateCluster } from '../../../src/clusters/update-cluster.js';
import { MemoryDriver } from '../support/memory-driver.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
let root: string;

beforeEach(async () => {
  bed = await openTestBed();
  root = dirname(bed.folder);
});
afterEach(() => bed.close());

const create = (name: string, ...definitions: string[]) =>
  createCluster({ name, driver: 'nspawn', definitions }, bed.context);
const configOf = (name: string) => readFile(join(root, name, 'config.yml'), 'utf8');

/** Creates running machines in another cluster, with their own driver. */
async function runningIn(cluster: string, driver: MemoryDriver, ...names: string[]): Promise<void> {
  const context = await bed.context.clusters.context(cluster);
  bed.drivers.set(cluster, driver);
  for (const [index, machine] of (await bed.running(...names)).entries()) {
    await bed.cluster.remove(machine.name);
    await context.cluster.save({ ...machine, driver: cluster });
    driver.machines.set(machine.name, { id: `${index}`, state: 'running', address: '10.9.9.9', size: '1gb' });
  }
}

describe('new', () => {
  test('cluster new writes a commented config.yml and switches to the cluster', async () => {
    expect(await create('swarm2k', 'image=debian-12', 'network=10.3.0.0/20')).toEqual({
      cluster: 'swarm2k',
      driver: 'nspawn',
      path: join(root, 'swarm2k', 'config.yml'),
    });
    const text = await configOf('swarm2k');
    expect(text).toContain('\ndriver: nspawn\n');
    expect(text).toContain('\nnspawn:\n  image: debian-12\n  network: 10.3.0.0/20\n');
    expect(text).toContain('\n# managers:\n#   nodes: "mg[0:2]"\n');
    expect(await readFile(join(root, 'active'), 'utf8')).toBe('cluster: swarm2k\n');
  });

  test.each([
    ['a/b', [], 'UsageError', '"a/b" cannot be the name of a cluster'],
    ['active', [], 'UsageError', '"active" cannot be the name of a cluster'],
    ['default', [], 'UserError', 'cluster "default" already exists'],
    ['x', ['imgae=a'], 'UsageError', '"imgae" is not a setting of the nspawn driver'],
    ['x', ['image'], 'UsageError', '"image" is not KEY=VALUE'],
    [
      'x',
      ['network=here'],
      'UserError',
      'the setting network must be an IPv4 range like 10.209.0.0/20, not "here"',
    ],
    ['x', ['image=debian-99'], 'UserError', 'unknown image "debian-99"'],
  ])('cluster new %s %j is refused and creates nothing', async (name, definitions, kind, message) => {
    const before = await bed.context.clusters.names();
    await expect(create(name, ...definitions)).rejects.toMatchObject({ name: kind, message });
    expect(await bed.context.clusters.names()).toEqual(before);
    expect(await clusterInUseOnDisk()).toBeUndefined();
  });

  test('cluster new refuses a name that differs only in case', async () => {
    await create('one', 'image=debian-12');
    const before = await configOf('one');
    await expect(create('One')).rejects.toThrow('cluster "one" already exists');
    await expect(create('one')).rejects.toThrow('cluster "one" already exists');
    expect(await configOf('one')).toBe(before);
  });

  test('cluster new suggests a driver for an unknown one', async () => {
    const creating = createCluster({ name: 'x', driver: 'nspwan', definitions: [] }, bed.context);
    await expect(creating).rejects.toMatchObject({
      message: 'unknown driver "nspwan"',
      hint: expect.stringContaining('did you mean "nspawn"?'),
    });
  });
});

const clusterInUseOnDisk = () => readFile(join(root, 'active'), 'utf8').catch(() => undefined);

describe('update', () => {
  const update = async (definitions: string[], driver?: string) => {
    const context = await bed.context.clusters.context('one');
    const settings = { ...context.settings, driver: async (named = 'nspawn') => named };
    return updateCluster({ definitions, driver }, { ...context, settings });
  };
  const write = async (text: string) => {
    await mkdir(join(root, 'one'), { recursive: true });
    await writeFile(join(root, 'one', 'config.yml'), text);
  };

  test('update changes the given keys, shows the changed lines, and leaves the rest', async () => {
    await write(
      '# mine\nnspawn:   # local\n    image:   debian-13  # newest\nworkers: {nodes: "n[1:2]", size: 1gb}\n',
    );
    expect((await update(['image=debian-12', 'bridge=belt7'])).changes).toEqual([
      { sign: '-', line: '    image:   debian-13  # newest' },
      { sign: '+', line: '    image:   debian-12  # newest' },
      { sign: '+', line: '    bridge: belt7' },
    ]);
    expect(await configOf('one')).toBe(
      '# mine\nnspawn:   # local\n    image:   debian-12  # newest\n    bridge: belt7\nworkers: {nodes: "n[1:2]", size: 1gb}\n',
    );
    expect((await update(['image=debian-12'])).changes).toEqual([]);
    expect((await update(['bridge='])).changes).toEqual([{ sign: '-', line: '    bridge: belt7' }]);
  });

  test('update switches to another driver', async () => {
    await write('driver: nspawn\nnspawn:\n  image: debian-12\n');
    await update(['ssh-port=2222', 'key_type=ecdsa-p256'], 'generic');
    expect(await configOf('one')).toBe(
      'driver: generic\nnspawn:\n  image: debian-12\ngeneric:\n  ssh_port: 2222\nkey_type: ecdsa-p256\n',
    );
  });

  test.each([
    [['iamge=x'], '"iamge" is not a setting of the nspawn driver', 'did you mean "image"?'],
    [['image'], '"image" is not KEY=VALUE', 'image=debian-12'],
    [
      ['bridge=0'],
      'the setting bridge must be 1 to 15 letters, digits, "-" or "_", starting with a letter, not "0"',
      undefined,
    ],
    [[], 'nothing to change', 'belt cluster update KEY=VALUE'],
  ])('update %j is refused and changes nothing', async (definitions, message, hint) => {
    const text = 'nspawn: {image: debian-12}\n';
    await write(text);
    await expect(update(definitions)).rejects.toMatchObject({ message, hint });
    expect(await configOf('one')).toBe(text);
  });

  test('update refuses a value of the wrong type', async () => {
    await write('generic: {}\n');
    await expect(update(['ssh_port=many'], 'generic')).rejects.toMatchObject({
      name: 'UsageError',
      message: '"ssh_port=many": ssh_port must be a whole number, not "many"',
    });
  });

  test('update refuses an unknown cluster', async () => {
    await expect(update(['image=debian-12'])).rejects.toThrow('no cluster is called "one"');
    expect(await bed.context.clusters.names()).not.toContain('one');
  });

  test('update creates the config.yml of the default cluster', async () => {
    const settings = { ...bed.context.settings, driver: async () => 'nspawn' };
    await updateCluster({ definitions: ['image=debian-12'] }, { ...bed.context, settings });
    expect(await configOf('default')).toContain('\nnspawn:\n  image: debian-12\n');
  });
});

describe('ls', () => {
  test('ls lists an empty cluster', async () => {
    await create('swarm2k');
    const context = await bed.context.clusters.context('swarm2k');
    expect(await listClusters({ timeoutMs: 1_000 }, context)).toEqual([
      { name: 'swarm2k', active: true, managers: [], running: 0, machines: 0, errors: [] },
    ]);
  });

  test('ls lists the leader and managers, and counts running machines', async () => {
    await create('other');
    const machines = await bed.running('mg0', 'mg1', 'node1');
    const [first, second, third] = await Promise.all(machines.map(({ name }) => bed.engine(name)));
    const swarm = first?.newSwarm('s1');
    if (swarm) second?.beIn(swarm, 'manager');
    if (swarm) third?.beIn(swarm, 'worker');
    Object.assign(bed.driver.machines.get('node1') ?? {}, { state: 'stopped' });
    expect(await listClusters({ timeoutMs: 5_000 }, bed.context)).toEqual([
      {
        name: 'default',
        active: true,
        leader: 'mg0',
        managers: ['mg0', 'mg1'],
        running: 2,
        machines: 3,
        errors: [],
      },
      { name: 'other', active: false, managers: [], running: 0, machines: 0, errors: [] },
    ]);
  });

  test('an unresponsive cluster, or one with a damaged record, only affects its own row', async () => {
    await bed.running('node1');
    for (const name of ['broken', 'mute']) await create(name);
    const mute = new MemoryDriver();
    mute.list = () => new Promise(() => {});
    await runningIn('mute', mute, 'mute1');
    const broken = new MemoryDriver();
    broken.listError = new Error('the provider is down');
    await runningIn('broken', broken, 'broken1');
    await writeFile(join(root, 'broken', 'machines', 'broken1', 'config.json'), '{');
    await runningIn('broken', broken, 'broken2');
    await bed.running('node1');
    const rows = await listClusters({ timeoutMs: 300 }, bed.context);
    expect(rows.map(({ name, running, machines }) => [name, running, machines])).toEqual([
      ['broken', undefined, 2],
      ['default', 1, 1],
      ['mute', undefined, 1],
    ]);
    const [first, , last] = rows.map(({ errors }) => errors);
    expect(first).toEqual([expect.stringContaining('broken1'), 'broken: the provider is down']);
    expect(last).toEqual(['no response within 0.3 s']);
  });
});

describe('rm', () => {
  const remove = async (name: string, force = false) => {
    return removeCluster(await planRemoval(name, { force }, bed.context), bed.context);
  };

  test('rm deletes the records and switches to the default cluster', async () => {
    await create('one');
    await remove('one');
    expect(await bed.context.clusters.names()).toEqual(['default']);
    expect(await clusterInUseOnDisk()).toBeUndefined();
  });

  test('rm of another cluster does not switch', async () => {
    await create('one');
    await create('two');
    await remove('one');
    expect(await clusterInUseOnDisk()).toBe('cluster: two\n');
  });

  test('rm requires force for a cluster with machines and removes them', async () => {
    await create('one');
    const driver = new MemoryDriver();
    await runningIn('one', driver, 'a1', 'a2');
    await expect(remove('one')).rejects.toMatchObject({
      name: 'UserError',
      message: 'cluster one has 2 machines',
    });
    expect(driver.machines.size).toBe(2);
    driver.failures.set('a2', new Error('no'));
    await expect(remove('one', true)).rejects.toThrow(
      '1 of 2 machines could not be removed, so cluster one was kept',
    );
    expect([...driver.machines.keys()]).toEqual(['a2']);
    await remove('one', true);
    expect(driver.machines.size).toBe(0);
    expect(await bed.context.clusters.names()).toEqual(['default']);
  });

  test('rm of a link keeps the linked folder and its machines', async () => {
    const store = join(root, '.elsewhere');
    await create('one');
    await runningIn('one', new MemoryDriver(), 'a1');
    await symlink(join(root, 'one'), store);
    await symlink(store, join(root, 'linked'));
    await remove('linked');
    expect(await bed.context.clusters.names()).toEqual(['default', 'one']);
    expect(await configOf('one')).toContain('driver: nspawn');
  });

  test('rm suggests a name for an unknown cluster', async () => {
    await create('swarm2k');
    await expect(remove('swrm2k')).rejects.toMatchObject({
      message: 'no cluster is called "swrm2k"',
      hint: 'did you mean "swarm2k"?',
    });
    await expect(remove('../x')).rejects.toMatchObject({ name: 'UsageError' });
  });
});
