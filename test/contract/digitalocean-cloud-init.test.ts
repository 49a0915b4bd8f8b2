import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { templatesIn } from '../../src/base/templates.js';
import { userDataFor } from '../../src/drivers/digitalocean/user-data.js';
import { firstBootInstaller } from '../../src/engine/first-boot-installer.js';
import { generateKeyPair } from '../../src/ssh/index.js';
import { canCreateMachines } from '../lab/machines.js';
import { type Servers, startServers } from '../lab/servers.js';

/** Runs the user data of droplets through Debian's cloud-init on a real machine. */
describe.runIf(canCreateMachines())('cloud-init', () => {
  let servers: Servers;
  const me = generateKeyPair('me');
  const requests = ['other', 'Droplet1'].map((name) => ({
    name,
    ssh: { user: 'root', authorizedKey: me.publicKey, hostKey: generateKeyPair(name) },
  }));
  const [, { ssh: mine }] = requests as [unknown, (typeof requests)[number]];
  const templates = templatesIn('templates');

  beforeAll(async () => {
    servers = await startServers(['one']);
    servers.sh(
      'one',
      'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends cloud-init',
    );
  });

  afterAll(async () => {
    await servers?.dispose();
  });

  /**
   * Runs the two stages before the SSH server as a first boot does, then restores the machine's
   * host key.
   */
  function firstBoot(instance: string, userData: string): Record<string, string> {
    const seed = '/var/lib/cloud/seed/nocloud';
    const report = servers.sh(
      'one',
      `set -e
      cloud-init clean >&2
      mkdir -p ${seed} /root/before && cp -n /etc/ssh/ssh_host_* /root/before
      printf 'instance-id: ${instance}\\nlocal-hostname: droplet1\\n' > ${seed}/meta-data
      base64 -d > ${seed}/user-data <<'END'\n${Buffer.from(userData).toString('base64')}\nEND
      printf 'datasource_list: [NoCloud, None]\\n' > /etc/cloud/cloud.cfg.d/99-test.cfg
      { cloud-init init --local && cloud-init init; } >&2
      show() { printf '%s\\t%s\\n' "$1" "$(base64 -w0 < "$2")"; }
      show host /etc/ssh/ssh_host_ed25519_key
      show public /etc/ssh/ssh_host_ed25519_key.pub
      show authorized /root/.ssh/authorized_keys
      ls /etc/ssh/ssh_host_* > /tmp/list; show keys /tmp/list
      [ ! -e /root/mine ] || show mine /root/mine
      rm /etc/ssh/ssh_host_*; cp -p /root/before/ssh_host_* /etc/ssh/`,
    );
    return Object.fromEntries(
      report
        .trim()
        .split('\n')
        .map((line) => line.split('\t'))
        .map(([name = '', text = '']) => [name, Buffer.from(text, 'base64').toString()]),
    );
  }

  test("cloud-init installs only the machine's own host key, and belt can log in as root", async () => {
    const boot = firstBoot('i-1', await userDataFor(requests, { user: 'root' }, templates));
    expect(boot['host']).toBe(mine.hostKey.privateKey);
    expect(boot['public']).toBe(`${mine.hostKey.publicKey}\n`);
    expect(boot['keys']?.trim().split('\n')).toEqual([
      '/etc/ssh/ssh_host_ed25519_key',
      '/etc/ssh/ssh_host_ed25519_key.pub',
    ]);
    expect(boot['authorized']?.split('\n')).toContain(me.publicKey);
  });

  test("cloud-init merges the user's own cloud-config with belt's", async () => {
    const own =
      '#cloud-config\nbootcmd:\n  - echo grüße > /root/mine\nssh_authorized_keys:\n  - ssh-ed25519 AAAA theirs\n';
    const boot = firstBoot('i-2', await userDataFor(requests, { user: 'root', own }, templates));
    expect(boot['host']).toBe(mine.hostKey.privateKey);
    expect(boot['mine']).toBe('grüße\n');
    expect(boot['authorized']?.split('\n')).toContain(me.publicKey);
  });

  test("cloud-init installs the engine last, after the user's commands, and also boots without the repository", async () => {
    const installEngine = (await firstBootInstaller([], { templates })) ?? '';
    const own = '#cloud-config\nruncmd:\n  - touch /root/own-ran\n';
    const options = { user: 'root', own, engineAtFirstBoot: true };
    firstBoot('i-3', await userDataFor([{ name: 'droplet1', ssh: mine, installEngine }], options, templates));
    const lastStage = () =>
      servers.sh(
        'one',
        `set -e; rm -f /root/own-ran
        cloud-init single --name runcmd --frequency always >&2
        cloud-init single --name scripts_user --frequency always 2>&1
        ls /root/own-ran; command -v dockerd || echo none`,
      );
    servers.sh(
      'one',
      `DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq docker.io docker-cli >/dev/null 2>&1
      echo 'Acquire::http::Proxy "http://127.0.0.1:9";' > /etc/apt/apt.conf.d/99away`,
    );
    const away = lastStage();
    expect(away).toContain('belt: the engine could not be installed');
    expect(away.trim().split('\n').slice(-2)).toEqual(['/root/own-ran', 'none']);
    servers.sh('one', 'rm /etc/apt/apt.conf.d/99away');
    expect(lastStage().trim().split('\n').slice(-2)).toEqual(['/root/own-ran', '/usr/sbin/dockerd']);
    expect(servers.sh('one', 'docker version --format "{{.Server.Version}}"')).toMatch(/^\d+\./);
  }, 300_000);
});
