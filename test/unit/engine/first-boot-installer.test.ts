import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { templatesIn } from '../../../src/base/templates.js';
import * as amazonec2 from '../../../src/drivers/amazonec2/user-data.js';
import * as digitalocean from '../../../src/drivers/digitalocean/user-data.js';
import type { CreateRequest } from '../../../src/drivers/driver.js';
import { seedFiles } from '../../../src/drivers/virtualbox/seed-disk.js';
import { firstBootInstaller } from '../../../src/engine/first-boot-installer.js';
import { parseOsRelease } from '../../../src/engine/model/os-release.js';
import { provisionerFor } from '../../../src/engine/provisioners/index.js';
import { generateKeyPair } from '../../../src/ssh/index.js';
import { osReleases } from '../../lab/os-releases.js';
import { bareFactsOf, settingsOf } from '../support/facts.js';

const templates = templatesIn('templates');
const installEngine = (await firstBootInstaller([], { templates })) ?? '';

describe('first-boot script', () => {
  /** Runs the script with its install commands replaced by `echo`. */
  async function runOn(os: keyof typeof osReleases, dockerd = false): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'belt-first-boot-'));
    const file = join(folder, 'os-release');
    writeFileSync(file, osReleases[os]);
    const facts = bareFactsOf(osReleases[os], os === 'alpine' ? { init: 'openrc' } : {});
    const own = provisionerFor(facts).install?.(parseOsRelease(osReleases[os]));
    const lines = own && (await templates.render(own.name, own.values));
    const marked = lines ? installEngine.replaceAll(lines, 'echo its own lines') : installEngine;
    const script = marked.replace('/etc/os-release', file);
    const engine = `systemctl() { echo enabled; }; ${dockerd ? 'dockerd() { :; }' : ''}`;
    try {
      // Only shell builtins are available.
      return execFileSync('/bin/sh', ['-c', [engine, script].join('\n')], {
        encoding: 'utf8',
        env: { PATH: '/nowhere' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test.each([
    ...(['debian', 'raspbian', 'ubuntu', 'mint', 'rocky', 'alma', 'centos', 'rhel', 'oracle'] as const),
    ...(['fedora', 'amazon', 'leap'] as const),
  ])('the first-boot script on %s runs what belt would run over SSH', async (os) => {
    expect(await runOn(os)).toBe('its own lines\n');
  });

  test.each(['sles', 'alpine', 'flatcar'] as const)(
    'the first-boot script on %s installs nothing',
    async (os) => {
      expect(await runOn(os)).toMatch(/^(belt: the engine of \w+ is installed over SSH\n)?$/);
    },
  );

  test('the first-boot script keeps an installed engine', async () => {
    expect(await runOn('debian', true)).toBe('');
  });

  test('the first-boot script succeeds when the installation fails', () => {
    const script = installEngine.replace('/etc/os-release', '/dev/null');
    const failing = script.replace("'sles '*) exit 0", "*) exit 1 ;;\n'sles '*) exit 0");
    expect(execFileSync('/bin/sh', ['-c', failing], { encoding: 'utf8', env: { PATH: '/nowhere' } })).toBe(
      'belt: the engine could not be installed\n',
    );
  });

  test('there is no first-boot script when a machine has its own install script', async () => {
    const machines = [{}, { engine: settingsOf({ installUrl: 'https://get.example.com' }) }];
    expect(await firstBootInstaller(machines, { templates })).toBeUndefined();
  });
});

describe('user data', () => {
  const me = generateKeyPair('me');
  const requestsFor = (count: number): CreateRequest[] =>
    Array.from({ length: count }, (_, index) => ({
      name: `node${index + 1}`,
      ssh: { user: 'root', authorizedKey: me.publicKey, hostKey: generateKeyPair(`node${index + 1}`) },
      installEngine,
    }));
  const [request] = requestsFor(1) as [CreateRequest];

  const texts: Record<string, (engineAtFirstBoot: boolean) => Promise<string>> = {
    digitalocean: (engineAtFirstBoot) =>
      digitalocean.userDataFor([request], { user: 'root', engineAtFirstBoot }, templates),
    amazonec2: async (engineAtFirstBoot) =>
      gunzipSync(await amazonec2.userDataFor([request], { engineAtFirstBoot }, templates)).toString(),
    virtualbox: async (engineAtFirstBoot) => {
      const seed = { uuid: 'u-1', request, user: 'debian', cards: [], engineAtFirstBoot };
      return (await seedFiles(seed, templates))['user-data'] ?? '';
    },
  };

  test.each(Object.keys(texts))(
    'user data of %s contains the first-boot script only when enabled',
    async (driver) => {
      const make = texts[driver] as (typeof texts)[string];
      expect(parse(await make(true))).toMatchObject({ runcmd: [['/bin/sh', '-c', installEngine]] });
      expect(parse(await make(false))).not.toHaveProperty('runcmd');
    },
  );

  test('user data for one EC2 call fits its limit, with a script of the user', async () => {
    // Random, so that it cannot be compressed.
    const own = `#!/bin/sh\n# ${randomBytes(2048).toString('base64')}\n`;
    const options = { own, engineAtFirstBoot: true };
    const data = await amazonec2.userDataFor(requestsFor(amazonec2.machinesPerCall), options, templates);
    expect(data.length).toBeLessThanOrEqual(16 * 1024);
  });
});
