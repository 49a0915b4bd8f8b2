import { describe, expect, test } from 'vitest';
import { clientVariables } from '../../../../src/engine/model/client-variables.js';
import { dockerClientSetting } from '../../../../src/engine/model/docker-client-setting.js';
import { needsManager, possiblePaths, usesFiles } from '../../../../src/engine/model/docker-files.js';

test.each([
  ['build .', true],
  ['buildx build .', true],
  ['--log-level debug image build -t a .', true],
  ['-D compose up', true],
  ['stack deploy -c compose.yml web', true],
  ['config create c file', true],
  ['secret create s -', true],
  ['cp web:/a .', true],
  ['run --env-file web.env web', true],
  ['service create --env-file=web.env web', true],
  ['load -i a.tar', true],
  ['config ls', false],
  ['stack ls', false],
  ['run web build', false],
  ['ps', false],
  ['', false],
])('whether "docker %s" uses files of its computer: %s', (line, expected) => {
  expect(usesFiles(line.split(' '))).toBe(expected);
});

test.each([
  ['service ls', true],
  ['-l debug stack ps web', true],
  ['swarm join-token worker', true],
  ['swarm leave', false],
  ['ps', false],
])('whether "docker %s" needs a manager: %s', (line, expected) => {
  expect(needsManager(line.split(' '))).toBe(expected);
});

test('possible paths are words and values of flags', () => {
  expect(possiblePaths(['run', '--env-file=a.env', '-d', '--rm', 'web', ''])).toEqual([
    'run',
    'a.env',
    'web',
  ]);
});

describe('the environment of the docker client', () => {
  const user = {
    PATH: '/bin',
    DOCKER_CONFIG: '/c',
    DOCKER_HOST: 'tcp://other:1',
    DOCKER_CONTEXT: 'other',
    DOCKER_TLS: '1',
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: '/other',
  };

  test('it leads to the machine with its certificates, whatever the user has set', () => {
    expect(clientVariables(user, { url: 'tcp://10.0.0.1:2376', certificates: '/m' })).toEqual({
      PATH: '/bin',
      DOCKER_CONFIG: '/c',
      DOCKER_HOST: 'tcp://10.0.0.1:2376',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: '/m',
    });
  });

  test('a socket has no TLS', () => {
    expect(clientVariables(user, { url: 'unix:///s' })).toEqual({
      PATH: '/bin',
      DOCKER_CONFIG: '/c',
      DOCKER_HOST: 'unix:///s',
    });
  });
});

test('docker_client is auto, local or remote', () => {
  expect(dockerClientSetting(undefined)).toEqual({ place: 'auto' });
  const origin = 'environment BELT_DOCKER_CLIENT';
  expect(dockerClientSetting({ value: 'Remote', origin })).toEqual({ place: 'remote', origin });
  expect(() => dockerClientSetting({ value: 'here', origin })).toThrow(
    'environment BELT_DOCKER_CLIENT: docker_client must be auto, local or remote, not "here"',
  );
});
