import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { type Cloud, startCloud } from '../lab/ec2/cloud.js';
import { credentials } from '../lab/ec2/vpc.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** The built program with real machines as instances; scenario.ts covers what all drivers share. */

let cloud: Cloud;
let belt: Belt;

describe.skipIf(!canCreateMachines())('machines on EC2', () => {
  beforeAll(async () => {
    cloud = await startCloud();
    belt = await newBelt({
      ...credentials,
      AWS_ENDPOINT_URL: cloud.ec2.url,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_SUBNET_ID: cloud.subnet,
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    const settings = 'driver: ec2\namazonec2:\n  private_address_only: true\n';
    await writeFile(join(belt.folder, '.belt.yaml'), settings);
  });

  afterAll(async () => {
    await belt?.dispose();
    await cloud?.dispose();
  });

  test('create launches each EC2 machine once when belt is killed, and pins its host key', async () => {
    const create = ['create', '-d', 'ec2', '512mb', 'node[1:4]'];
    // belt dies before the response arrives.
    cloud.ec2.fail({ action: 'RunInstances', kind: 'lost', times: 10 });
    const first = belt.spawn(create);
    await expect.poll(() => cloud.ec2.count('RunInstances')).toBeGreaterThan(0);
    first.kill('SIGKILL');
    await new Promise((done) => first.on('close', done));
    cloud.ec2.forgive();

    await belt.ok(create, { timeoutMs: 500_000 });
    await cloud.waitUntilIdle();
    const launches = cloud.ec2.calls.filter(({ action }) => action === 'RunInstances');
    expect(new Set(launches.map(({ params }) => params.get('ClientToken'))).size).toBe(1);
    expect(await states()).toEqual(['node1 running', 'node2 running', 'node3 running', 'node4 running']);
    expect(JSON.parse(await belt.ok(['gc', '--dry-run', '--json']))).toEqual({ strays: [], gone: [] });
    for (const name of ['node1', 'node4']) {
      const output = await belt.ok(['ssh', name, 'id -un; hostname; sudo docker info --format {{.Name}}']);
      expect(output).toBe(`admin\n${name}\n${name}\n`);
    }
    recordFault({
      kind: 'Killed and interrupted',
      fault: '`create` of four EC2 machines is killed before the response arrives',
    });
  }, 600_000);

  test('restart of EC2 machines takes one call and waits until they have rebooted', async () => {
    const began = (name: string) => belt.ok(['ssh', name, 'cut -d " " -f 22 /proc/1/stat']);
    const before = [await began('node1'), await began('node2'), await began('node3')];
    await belt.ok(['restart', 'node[1:2]'], { timeoutMs: 300_000 });
    expect(cloud.ec2.count('RebootInstances')).toBe(1);
    const after = [await began('node1'), await began('node2'), await began('node3')];
    expect(after.map((mark, index) => mark === before[index])).toEqual([false, false, true]);
    expect(await belt.ok(['--host', 'node1', 'docker', 'info', '--format', '{{.Name}}'])).toBe('node1\n');
  }, 400_000);

  test('EC2 machines are removed with their shared resources', async () => {
    await belt.ok(['rm', '--all', '--yes'], { timeoutMs: 300_000 });
    expect(await states()).toEqual([]);
    expect(JSON.parse(await belt.ok(['gc', '--dry-run', '--json']))).toEqual({ strays: [], gone: [] });
    expect(cloud.ec2.count('TerminateInstances')).toBe(1);
    expect(cloud.ec2.count('DeleteKeyPair')).toBe(1);
    expect(cloud.ec2.count('DeleteSecurityGroup')).toBe(1);
  }, 300_000);
});

async function states(): Promise<string[]> {
  const machines = (await belt.list()) as { name: string; state: string }[];
  return machines.map(({ name, state }) => `${name} ${state.toLowerCase()}`).sort();
}
