import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { type GivenEngineFlags, givenEngineSettings } from '../../../src/cli/engine-flags.js';
import { defaultEngineSettings, type EngineSettings } from '../../../src/engine/model/engine-settings.js';
import { resolveEngineSettings } from '../../../src/state/engine-section.js';
import { parseSettings } from '../../../src/state/settings-file.js';

function engineSettingsFrom(flags: GivenEngineFlags): EngineSettings {
  return resolveEngineSettings({ flags: givenEngineSettings(flags), variables: {}, files: [] });
}

test('engine settings have their defaults without flags', () => {
  expect(engineSettingsFrom({})).toEqual(defaultEngineSettings);
});

test('a settings file applies below flags and variables, and errors name it', async () => {
  const file = (text: string) => parseSettings('/p/.belt.yaml', text);
  const written = await file(
    'engine:\n  access: local\n  label: [a=b]\n  opt: mtu=1400\n  registry_mirror: [https://f]\n  tune_swarm: yes\n',
  );
  const resolved = resolveEngineSettings({
    flags: givenEngineSettings({ 'engine-label': ['c=d'] }),
    variables: { ENGINE_REGISTRY_MIRROR: 'https://e' },
    files: [written],
  });
  expect(resolved).toEqual({
    ...defaultEngineSettings,
    access: 'local',
    port: 0,
    labels: ['c=d'],
    options: ['mtu=1400'],
    registryMirrors: ['https://e'],
    tuneSwarm: true,
  });
  const refused = async (text: string): Promise<string> => {
    const files = [await file(text)];
    try {
      resolveEngineSettings({ variables: {}, files });
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };
  expect(await refused('engine:\n  acces: local\n')).toBe(
    '/p/.belt.yaml line 2: "acces" is not an engine setting',
  );
  expect(await refused('engine:\n  access: open\n')).toBe(
    '/p/.belt.yaml line 2: access must be secure, insecure, local, not "open"',
  );
  expect(await refused('engine:\n  opt: [host=x]\n')).toBe('/p/.belt.yaml line 2: opt cannot set "host"');
});

test('every engine flag sets its setting', () => {
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

test.each([
  ['https://m', ['https://m']],
  ['https://m,https://n', ['https://m', 'https://n']],
  ['', []],
])('$ENGINE_REGISTRY_MIRROR is parsed as a list: %j', (text, mirrors) => {
  const { registryMirrors } = resolveEngineSettings({
    variables: { ENGINE_REGISTRY_MIRROR: text },
    files: [],
  });
  expect(registryMirrors).toEqual(mirrors);
});

describe('engine flags that dockerd would reject', () => {
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
  ])('--%s %j is refused', (flag, value) => {
    expect(() => engineSettingsFrom({ [flag]: [value] })).toThrow(UsageError);
  });
  test('--engine-install-url must be an http URL', () => {
    expect(() => engineSettingsFrom({ 'engine-install-url': 'file:///x' })).toThrow(UsageError);
  });
});
