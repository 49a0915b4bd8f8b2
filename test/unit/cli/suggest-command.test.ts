import { expect, test } from 'vitest';
import { suggestCommand } from '../../../src/cli/suggest-command.js';

const commands = [
  ...[
    'active',
    'create',
    'demote',
    'docker',
    'drain',
    'exec',
    'gc',
    'init',
    'inspect',
    'ip',
    'kill',
    'ls',
    'rm',
  ],
  ...[
    'restart',
    'scp',
    'ssh',
    'start',
    'stats',
    'status',
    'stop',
    'use',
    'cluster ls',
    'cluster new',
    'cluster rm',
  ],
  ...[
    'cluster update',
    'swarm activate',
    'swarm drain',
    'swarm init',
    'swarm ls',
    'swarm promote',
    'swarm rm',
  ],
  ...['swarm status', 'swarm token', 'plugins', 'plugins uninstall'],
];

test.each([
  ['delete node1', 'rm node1'],
  ['remove node[1:4]', "rm 'node[1:4]'"],
  ['destroy node1', 'rm node1'],
  ['list', 'ls'],
  ['ps', 'ls'],
  ['top', 'stats'],
  ['up node1', 'start node1'],
  ['down node1', 'stop node1'],
  ['shell node1', 'ssh node1'],
  ['info node1', 'inspect node1'],
  ['node ls', 'swarm ls'],
  ['node promote node2', 'swarm promote node2'],
  ['nodes', 'swarm ls'],
  ['machine ls', 'ls'],
  ['machine rm node1', 'rm node1'],
  ['docker-machine ip node1', 'ip node1'],
  ['cluster create prod', 'cluster new prod'],
  ['cluster delete prod', 'cluster rm prod'],
  ['cluster list', 'cluster ls'],
  ['swarm list', 'swarm ls'],
  ['swarm delete node1', 'swarm rm node1'],
  ['service ls', 'docker service ls'],
  ['volume rm -f data', 'docker volume'],
  ['run nginx', 'docker run nginx'],
  ['build .', 'docker build .'],
  ['scale web', 'docker service scale web'],
  ['get nodes', 'swarm ls'],
  ['stp node1', 'stop node1'],
  ['strt node1', 'start node1'],
  ['cordon node1', 'swarm drain node1'],
  ['crate node1', 'create node1'],
  ['sturt node1', 'start node1'],
  ['swarm tokn', 'swarm token'],
  ['statuss', 'status'],
  ['inspct node1', 'inspect node1'],
  ['delete --token abc node1', 'rm'],
])('"belt %s" suggests "belt %s"', (line, expected) => {
  expect(suggestCommand(line.split(' '), commands)).toBe(expected);
});

test.each([
  'demotte',
  'xreate',
  'crxxte',
  'rsetrat',
  'foo',
  'node1',
  'constructor',
  'toString x',
  'clustr updat',
])('"belt %s" suggests no command that changes something, unless only one letter is wrong', (line) => {
  const suggestion = suggestCommand(line.split(' '), commands);
  expect([undefined, 'demote', 'create']).toContain(suggestion);
});
