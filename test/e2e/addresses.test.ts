import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** On a machine with several addresses, docker needs the one that belt passes. */
describe.skipIf(!canCreateMachines())('machines with several addresses', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'node[1:2]']);
    await belt.ok([
      'exec',
      'node[1:2]',
      '--',
      'ip link add other type veth peer name end && ip addr add 198.51.100.7/24 dev other && ip link set other up',
    ]);
    await belt.ok(['exec', 'node1', '--', 'ip addr add 203.0.113.9/24 dev host0']);
    await belt.ok(['exec', 'node2', '--', 'ip addr add 203.0.113.10/24 dev host0']);
    await belt.ok(['active', 'node1']);
  });
  afterAll(() => belt.dispose());

  const nodeAddress = async (node: string): Promise<string> =>
    belt.ok(['--host', node, 'docker', 'info', '--format', '{{.Swarm.NodeAddr}}']);

  test('docker swarm init fails on a machine with several addresses', async () => {
    const plain = await belt.run(['ssh', 'node1', 'docker swarm init']);
    expect([plain.code, plain.stderr]).toEqual([
      1,
      expect.stringContaining('could not choose an IP address to advertise'),
    ]);
  });

  test('belt docker swarm init advertises the machine’s own address', async () => {
    await belt.ok(['docker', 'swarm', 'init']);
    expect(await nodeAddress('node1')).toBe(await belt.ok(['ip', 'node1']));
  });

  test('a node that joins with docker swarm join advertises its own address', async () => {
    const token = (await belt.ok(['docker', 'swarm', 'join-token', '-q', 'worker'])).trim();
    const manager = (await belt.ok(['ip', 'node1'])).trim();
    await belt.ok(['--host', 'node2', 'docker', 'swarm', 'join', '--token', token, `${manager}:2377`]);
    expect(await nodeAddress('node2')).toBe(await belt.ok(['ip', 'node2']));
  });

  test('belt docker swarm init keeps a given --advertise-addr', async () => {
    await belt.ok(['--host', 'node2', 'docker', 'swarm', 'leave']);
    await belt.ok(['docker', 'swarm', 'leave', '--force']);
    await belt.ok(['docker', 'swarm', 'init', '--advertise-addr', '203.0.113.9']);
    expect(await nodeAddress('node1')).toBe('203.0.113.9\n');
  });

  test('a manager that has lost its advertised address is named, and recover writes the new one', async () => {
    const setAddress = (verb: 'add' | 'del') =>
      belt.ok(['exec', 'node1', '--', `ip addr ${verb} 203.0.113.9/24 dev host0`]);
    const text = /node1 advertises 203\.0\.113\.9, which is no longer one of its addresses \(now [\d.]+\)/;
    await setAddress('del');
    const join = await belt.run(['swarm', 'join', 'node1', 'node2']);
    expect([join.code, join.stderr]).toEqual([1, expect.stringMatching(text)]);
    expect(join.stderr).toContain('(try: belt swarm recover)');
    await setAddress('add');
    await belt.ok(['swarm', 'join', 'node1', 'node2']);
    await belt.ok(['swarm', 'label', 'node2', 'disk=ssd']);
    await setAddress('del');
    const status = await belt.ok(['swarm', 'status']);
    expect(status).toMatch(text);
    expect(status.replace(/\s+/g, ' ')).toContain('to fix it: belt swarm recover');
    const recovered = await belt.ok(['swarm', 'recover', '--yes']);
    expect(recovered).toContain('node2 rejoined as a worker.');
    expect(await belt.ok(['swarm', 'status'])).not.toContain('advertises');
    const docker = (...args: string[]) => belt.ok(['docker', ...args]);
    expect(await docker('node', 'ls', '-q', '-f', 'node.label=disk=ssd')).toMatch(/^\w+\n$/);
    const address = (await belt.ok(['ip', 'node1'])).trim();
    expect(await belt.ok(['--host', 'node2', 'docker', 'info'])).toContain(`  ${address}:2377\n`);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'a manager loses its advertised address',
    });
  });
});
