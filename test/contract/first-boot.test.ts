import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { type Emulator, startEmulator } from '../lab/digitalocean/emulator.js';
import { backendWithGuests, type Guests } from '../lab/digitalocean/guests.js';
import { canCreateMachines } from '../lab/machines.js';

/**
 * Machines whose image has no engine: it is installed at their first boot or by belt. The packages
 * are Debian's, from the network.
 */
describe.runIf(canCreateMachines())('droplets without an engine', () => {
  let belt: Belt;
  let guests: Guests;
  let cloud: Emulator;

  beforeAll(async () => {
    guests = await backendWithGuests({ withoutEngine: true });
    cloud = await startEmulator(guests);
    belt = await newBelt({ DIGITALOCEAN_API_URL: cloud.url, DIGITALOCEAN_ACCESS_TOKEN: cloud.token });
  });

  afterAll(async () => {
    await belt?.dispose();
    await cloud?.close();
    await guests?.dispose();
    expect(cloud?.violations).toEqual([]);
  });

  const create = (...args: string[]) =>
    belt.run(['create', '-d', 'digitalocean', ...args], { timeoutMs: 300_000 });
  const on = async (node: string, line: string): Promise<string> =>
    (await belt.ok(['exec', node, '--', line])).trim();
  /** Runs of apt that installed packages, from apt's history. The lab ran the purge. */
  const installs = (node: string) =>
    on(node, "grep -c 'apt-get .* install .*docker.io' /var/log/apt/history.log || true");
  const version = (node: string) =>
    belt.ok(['--host', node, 'docker', 'version', '--format', '{{.Server.Version}}']);

  test('droplets install the engine at their first boot if configured, and belt provisions it', async () => {
    const { code, stderr } = await create('--digitalocean-engine-at-first-boot', '512mb', 'node1');
    expect([code, stderr]).toEqual([0, expect.stringContaining('Waiting for cloud-init')]);
    expect(stderr).not.toContain('Installing docker');
    expect(await on('node1', 'cat /var/log/cloud-init-output.log')).toContain('belt: installing docker.io');
    expect(await installs('node1')).toBe('1');
    expect(await version('node1')).toMatch(/^\d+\./);
  }, 400_000);

  test('belt waits while a droplet installs its engine', async () => {
    const lock = 'pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0)';
    const hold = `open F, ">", "/var/lib/dpkg/lock-frontend"; my $l = ${lock}; fcntl(F, F_SETLK, $l) or die; sleep 8`;
    await on(
      'node1',
      `rm /run/cloud-init/result.json
      { perl -MFcntl -e '${hold}'; touch /root/ended; echo '{}' > /run/cloud-init/result.json; } >/dev/null 2>&1 & sleep 0.3`,
    );
    const { code, stderr } = await belt.run(['provision', 'node1']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('Waiting for cloud-init')]);
    expect(stderr).not.toContain('Installing docker');
    expect(await on('node1', 'ls /root/ended')).toBe('/root/ended');
  }, 60_000);

  test('belt installs the engine when first-boot installation is not set', async () => {
    const { code, stderr } = await create('512mb', 'node2');
    expect([code, stderr]).toEqual([0, expect.stringContaining('Installing docker.io')]);
    expect(stderr).not.toContain('Waiting for cloud-init');
    expect(await installs('node2')).toBe('1');
    expect(await version('node2')).toMatch(/^\d+\./);
  }, 400_000);
});
