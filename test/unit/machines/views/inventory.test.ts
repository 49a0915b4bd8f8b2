import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import {
  formatHostVariables,
  type InventoryHost,
  inventoryFormats,
} from '../../../../src/machines/views/inventory.js';

const options = { isPrivate: false, port: 9100 };
const node1: InventoryHost = {
  name: 'node1',
  cluster: 'swarm-2k',
  driver: 'nspawn',
  address: '10.0.0.2',
  privateAddress: '10.1.0.2',
  port: 22,
  user: 'root',
  keyPath: "/it's/id #1",
  sshArguments: ['-o', 'HostKeyAlias="node1"', '-o', "ProxyCommand=ssh gate -W '[%h]:%p'"],
  role: 'manager',
  labels: { zone: 'eu-1', 'com.example/gpu': '' },
};
const node2: InventoryHost = {
  name: 'node2',
  cluster: 'swarm-2k',
  driver: 'generic',
  address: 'fd00::2',
  port: 2222,
  user: 'admin',
  sshArguments: [],
  labels: {},
};
const hosts = [node1, node2];

test('ansible-json has all variables and the groups of each host', () => {
  const document = JSON.parse(inventoryFormats['ansible-json'](hosts));
  const { _meta, ...groups } = document;
  expect(groups).toEqual({
    all: { hosts: ['node1', 'node2'] },
    cluster_swarm_2k: { hosts: ['node1', 'node2'] },
    driver_generic: { hosts: ['node2'] },
    driver_nspawn: { hosts: ['node1'] },
    label_com_example_gpu: { hosts: ['node1'] },
    label_zone_eu_1: { hosts: ['node1'] },
    managers: { hosts: ['node1'] },
  });
  expect(_meta.hostvars.node1).toMatchObject({
    ansible_host: '10.0.0.2',
    ansible_ssh_private_key_file: "/it's/id #1",
    belt_private_address: '10.1.0.2',
    belt_labels: { zone: 'eu-1', 'com.example/gpu': '' },
  });
  expect(JSON.parse(formatHostVariables([node1]))).toEqual(_meta.hostvars.node1);
});

test('lines of the ansible format have the variables after splitting them as a shell does', () => {
  const text = inventoryFormats.ansible(hosts);
  const [first = ''] = text.split('\n');
  const words = execFileSync('sh', ['-c', `printf '%s\\n' ${first}`], { encoding: 'utf8' }).split('\n');
  expect(words.slice(0, 4)).toEqual([
    'node1',
    'ansible_host=10.0.0.2',
    'ansible_port=22',
    'ansible_user=root',
  ]);
  expect(words).toContain("ansible_ssh_private_key_file=/it's/id #1");
  const args = words
    .find((word) => word.startsWith('ansible_ssh_common_args='))
    ?.split('=')
    .slice(1)
    .join('=');
  const parsed = execFileSync('sh', ['-c', `printf '%s\\n' ${args}`], { encoding: 'utf8' });
  expect(parsed.trimEnd().split('\n')).toEqual(node1.sshArguments);
  expect(text).toContain('\n\n[managers]\nnode1');
});

test('hosts and prometheus use public or private addresses', () => {
  expect(inventoryFormats.hosts(hosts, options)).toBe('10.0.0.2\tnode1\nfd00::2\tnode2');
  expect(inventoryFormats.hosts(hosts, { ...options, isPrivate: true })).toContain('10.1.0.2\tnode1');
  expect(JSON.parse(inventoryFormats.prometheus(hosts, options))).toEqual([
    {
      targets: ['10.0.0.2:9100'],
      labels: {
        instance: 'node1',
        cluster: 'swarm-2k',
        driver: 'nspawn',
        role: 'manager',
        label_zone: 'eu-1',
        label_com_example_gpu: '',
      },
    },
    { targets: ['[fd00::2]:9100'], labels: { instance: 'node2', cluster: 'swarm-2k', driver: 'generic' } },
  ]);
});

test('inventories of no machines are valid', () => {
  expect(inventoryFormats.ansible([])).toBe('');
  expect(JSON.parse(inventoryFormats['ansible-json']([]))).toEqual({
    _meta: { hostvars: {} },
    all: { hosts: [] },
  });
  expect(JSON.parse(inventoryFormats.prometheus([], options))).toEqual([]);
});
