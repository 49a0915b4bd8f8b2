import { describe, expect, test } from 'vitest';
import { engineSettingsFrom } from '../../src/cli/engine-flags.js';
import { UsageError } from '../../src/errors.js';
import { defaultEngineSettings } from '../../src/machines/engine-settings.js';

const none = { 'engine-access': 'secure' };

test('nothing given is the default', () => {
  expect(engineSettingsFrom(none)).toEqual(defaultEngineSettings);
});

test('all of them', () => {
  expect(
    engineSettingsFrom({
      'engine-access': 'insecure',
      'engine-install-url': 'https://get.example.com',
      'engine-opt': ['mtu=1400', '--live-restore'],
      'engine-insecure-registry': ['r:5000'],
      'engine-registry-mirror': ['https://m'],
      'engine-label': ['a=b=c'],
      'engine-storage-driver': 'overlay2',
      'engine-env': ['X='],
      'tls-san': ['web'],
      'tune-swarm': true,
    }),
  ).toEqual({
    access: 'insecure',
    port: 2375,
    tlsSans: ['web'],
    installUrl: 'https://get.example.com',
    storageDriver: 'overlay2',
    insecureRegistries: ['r:5000'],
    registryMirrors: ['https://m'],
    labels: ['a=b=c'],
    env: ['X='],
    options: ['mtu=1400', 'live-restore'],
    tuneSwarm: true,
  });
});

describe('what dockerd could not make anything of is refused', () => {
  test.each([
    ['engine-label', 'a'],
    ['engine-label', '=b'],
    ['engine-env', 'a b=c'],
    ['engine-opt', ''],
    ['engine-opt', '=x'],
    ['engine-opt', 'mtu=1\n2'],
    ['engine-opt', 'host=tcp://0.0.0.0:1'],
    ['engine-opt', '-H=x'],
    ['engine-opt', '--tlsverify'],
  ])('--%s %j', (flag, value) => {
    expect(() => engineSettingsFrom({ ...none, [flag]: [value] })).toThrow(UsageError);
  });
  test('--engine-install-url', () => {
    expect(() => engineSettingsFrom({ ...none, 'engine-install-url': 'file:///x' })).toThrow(UsageError);
  });
});
