import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/base/errors.js';
import { type Group, requireSwarm } from '../../../src/clusters/model/group.js';
import { defaultEngineSettings } from '../../../src/engine/model/engine-settings.js';
import { readGroups } from '../../../src/state/group-settings.js';
import {
  requireKnownSections,
  type SettingDefinition,
  withImpliedDriver,
} from '../../../src/state/settings.js';
import { parseSettings } from '../../../src/state/settings-file.js';

const drivers: Record<string, SettingDefinition[]> = {
  ocean: [
    { key: 'region', type: 'string', default: 'nyc3' },
    { key: 'size', type: 'string' },
    { key: 'ipv6', type: 'boolean' },
    { key: 'data', type: 'string', flag: false },
  ],
  lake: [{ key: 'depth', type: 'integer' }],
};

async function read(text: string, variables: Record<string, string> = {}): Promise<Group[]> {
  const names = Object.keys(drivers);
  const file = await parseSettings('/p/config.yml', text);
  requireKnownSections(file, names, { groups: true });
  const { general } = withImpliedDriver(file, names);
  return readGroups(file, names, {
    variables,
    files: [file],
    driver: async () => String(general.get('driver')?.value),
    definitions: async (name) => {
      const found = drivers[name];
      if (!found) throw new UserError(`unknown driver "${name}"`, { hint: 'drivers: ocean, lake' });
      return found;
    },
  });
}

test('groups of managers and workers inherit the common settings', async () => {
  const groups = await read(`
ocean: {region: sgp1}
managers: {nodes: "mg[0:2]", size: 8gb, availability: drain}
workers: {nodes: "node[1:3]", size: 2gb, labels: {zone: a}}
`);
  const common = { driver: 'ocean', settings: {}, engine: defaultEngineSettings, ownEngineKeys: [] };
  expect(groups).toEqual([
    {
      ...common,
      name: 'managers',
      origin: '/p/config.yml line 3',
      role: 'manager',
      nodes: ['mg0', 'mg1', 'mg2'],
      size: '8gb',
      availability: 'drain',
      labels: {},
    },
    {
      ...common,
      name: 'workers',
      origin: '/p/config.yml line 4',
      role: 'worker',
      nodes: ['node1', 'node2', 'node3'],
      size: '2gb',
      availability: 'active',
      labels: { zone: 'a' },
    },
  ]);
  requireSwarm(groups);
});

test('groups can have any name and their own settings', async () => {
  const [west, deep] = await read(
    `
driver: ocean
engine: {access: local, opt: [mtu=1400], registry_mirror: [https://m]}
west:
  role: worker
  nodes: [w1, "w[2:3]", w1]
  region: sfo
  ipv6: yes
  labels: [zone=w, disk=a=b, bare]
  engine:
    opt: [mtu=1500]
    label: disk=ssd
deep:
  role: manager
  nodes: d1
  driver: lake
  depth: 7
  labels:
    zone:
    rack: 007
`,
    { ENGINE_REGISTRY_MIRROR: 'https://e' },
  );
  expect(west).toMatchObject({
    name: 'west',
    role: 'worker',
    nodes: ['w1', 'w2', 'w3'],
    driver: 'ocean',
    settings: {
      region: { value: 'sfo', origin: '/p/config.yml line 7' },
      ipv6: { value: true, origin: '/p/config.yml line 8' },
    },
    labels: { zone: 'w', disk: 'a=b', bare: '' },
    engine: { access: 'local', options: ['mtu=1500'], labels: ['disk=ssd'], registryMirrors: ['https://e'] },
    ownEngineKeys: ['access', 'opt', 'registry_mirror', 'label'],
  });
  expect(west).not.toHaveProperty('size');
  expect(deep).toMatchObject({
    role: 'manager',
    driver: 'lake',
    settings: { depth: { value: 7 } },
    labels: { zone: '', rack: '007' },
    engine: { options: ['mtu=1400'] },
    ownEngineKeys: ['access', 'opt', 'registry_mirror'],
  });
});

test('a file without groups yields none', async () => {
  expect(await read('ocean:\n  region: sgp1\nmanagers:\n')).toEqual([]);
});

describe('invalid groups', () => {
  test.each([
    [
      'manegers: {nodes: mg0}',
      '1: the group "manegers" has no role',
      'add "role: manager" or "role: worker"',
    ],
    ['manegers: {size: 8gb}', '1: "manegers" is not a setting, driver or group', 'did you mean "managers"?'],
    ['ocaen: {region: sgp1}', '1: "ocaen" is not a setting, driver or group', 'did you mean "ocean"?'],
    ['workers: {size: 2gb}', '1: the group "workers" has no nodes', 'nodes: "node[1:4]"'],
    ['workers: {nodes: }', '1: the group "workers" has no nodes', 'nodes: "node[1:4]"'],
    ['workers: 3', '1: "workers" is a group, and must hold settings by name', undefined],
    [
      'workers:\n  nodes: node1\n  siez: 2gb',
      '3: "siez" is not a key of a group or a setting of the ocean driver',
      'did you mean "size"?',
    ],
    [
      'workers:\n  nodes: node1\n  regoin: a',
      '3: "regoin" is not a key of a group or a setting of the ocean driver',
      'did you mean "region"?',
    ],
    [
      'workers:\n  nodes: node1\n  depth: 3',
      '3: "depth" is not a key of a group or a setting of the ocean driver',
      undefined,
    ],
    [
      'workers:\n  nodes: "node[1:"',
      '2: bad node pattern "node[1:", at character 5: "[" is never closed\n  node[1:\n      ^',
      undefined,
    ],
    [
      'workers:\n  nodes: node1\n  role: manager',
      '3: the group "workers" holds workers, and its role cannot be manager',
      undefined,
    ],
    ['x:\n  nodes: node1\n  role: boss', '3: role must be manager or worker, not "boss"', undefined],
    [
      'workers:\n  nodes: node1\n  availability: drained',
      '3: availability must be active or pause or drain, not "drained"',
      undefined,
    ],
    ['workers:\n  nodes: node1\n  size: [a]', '3: size must be one value', undefined],
    ['workers:\n  nodes: node1\n  ipv6: maybe', '3: ipv6 must be true or false, not "maybe"', undefined],
    [
      'workers:\n  nodes: node1\n  data: /x',
      '3: data is the same for all machines of the ocean driver',
      'set it in the section "ocean"',
    ],
    ['workers:\n  nodes: node1\n  driver: oceam', '3: unknown driver "oceam"', 'drivers: ocean, lake'],
    ['workers:\n  nodes: node1\n  region: {a: b}', '3 holds neither a value nor a list of values', undefined],
    [
      'workers:\n  nodes: node1\n  labels:\n    a: 1\n    "a b": 2',
      '5: "a b" cannot be the key of a label: letters, digits, ".", "_" and "-" can, a letter, digit or "_" first',
      undefined,
    ],
    [
      'workers:\n  nodes: node1\n  labels: [=x]',
      '3: "" cannot be the key of a label: letters, digits, ".", "_" and "-" can, a letter, digit or "_" first',
      undefined,
    ],
    ['workers:\n  nodes: node1\n  labels: {a: [1]}', '3: the label a must be one value', undefined],
    [
      'workers:\n  nodes: node1\n  engine:\n    acess: local',
      '4: "acess" is not an engine setting',
      'did you mean "access"?',
    ],
    [
      'workers:\n  nodes: node1\n  engine: {access: open}',
      '3: access must be secure, insecure, local, not "open"',
      undefined,
    ],
    [
      'workers:\n  nodes: node1\n  engine: local',
      '3: "engine" must hold settings by name',
      'engine: {access: local}',
    ],
  ])('%j is refused with file and line', async (text, message, hint) => {
    await expect(read(`${text}\nocean: {region: a}\n`)).rejects.toMatchObject({
      name: 'UserError',
      message: `/p/config.yml line ${message}`,
      ...(hint !== undefined && { hint }),
    });
  });
});

describe('groups that cannot form a swarm', () => {
  const check = async (text: string): Promise<void> => requireSwarm(await read(`driver: ocean\n${text}`));

  test('a machine in two groups is refused', async () => {
    await expect(check('managers: {nodes: "n[1:2]"}\nworkers: {nodes: "n[2:4]"}\n')).rejects.toThrow(
      'n2 is in two groups: managers (/p/config.yml line 2) and workers (/p/config.yml line 3)',
    );
    await expect(check('managers: {nodes: Web}\nworkers: {nodes: web}\n')).rejects.toThrow(
      'Web and web, which DNS does not distinguish, are in two groups: managers (/p/config.yml line 2) and workers (/p/config.yml line 3)',
    );
  });

  test('groups without managers are refused', async () => {
    for (const text of ['', 'managers: {nodes: []}\n', 'west: {role: manager, nodes: []}\n'])
      await expect(check(`${text}workers: {nodes: n1}\n`)).rejects.toThrow(
        'no group has managers, but a swarm needs at least one',
      );
    await check('managers: {nodes: []}\nwest: {role: manager, nodes: m1}\nworkers: {nodes: n1}\n');
  });
});
