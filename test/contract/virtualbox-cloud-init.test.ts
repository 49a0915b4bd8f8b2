import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/base/ip-addresses.js';
import { templatesIn } from '../../src/base/templates.js';
import { type NetworkCard, seedFiles } from '../../src/drivers/virtualbox/seed-disk.js';
import { firstBootInstaller } from '../../src/engine/first-boot-installer.js';
import { generateKeyPair } from '../../src/ssh/index.js';
import { canCreateMachines } from '../lab/machines.js';
import { type Servers, startServers } from '../lab/servers.js';

/** Runs the contents of a seed disk through Debian's cloud-init on a real machine. */
describe.runIf(canCreateMachines())('cloud-init', () => {
  let servers: Servers;
  const me = generateKeyPair('me');
  const templates = templatesIn('templates');
  const request = {
    name: 'node7',
    ssh: { user: 'root', authorizedKey: me.publicKey, hostKey: generateKeyPair('node7') },
  };
  const files = async (cards: readonly NetworkCard[], engineAtFirstBoot = false) => {
    const installEngine = (await firstBootInstaller([], { templates })) ?? '';
    const seed = { uuid: 'i-1', request: { ...request, installEngine }, user: 'debian', cards };
    return seedFiles({ ...seed, engineAtFirstBoot }, templates);
  };
  const fixed = { address: parseAddress('192.168.56.2') ?? 0, prefix: 24 };

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

  test('cloud-init sets the name, the only host key, and a user with sudo', async () => {
    const { 'user-data': userData, 'meta-data': metaData } = await files([], true);
    const seed = '/var/lib/cloud/seed/nocloud';
    const report = servers.sh(
      'one',
      `set -e
      mkdir -p ${seed} /root/before && cp -p /etc/ssh/ssh_host_* /root/before
      base64 -d > ${seed}/user-data <<'END'\n${base64(userData)}\nEND
      base64 -d > ${seed}/meta-data <<'END'\n${base64(metaData)}\nEND
      printf 'datasource_list: [NoCloud, None]\\n' > /etc/cloud/cloud.cfg.d/99-test.cfg
      { cloud-init schema -c ${seed}/user-data && cloud-init init --local && cloud-init init; } >&2
      cat /etc/hostname
      grep -c '^127.0.1.1.*node7' /etc/hosts
      ls /etc/ssh/ssh_host_*
      grep -c '${me.publicKey.split(' ')[1]}' /home/debian/.ssh/authorized_keys
      su debian -c 'sudo -n id -un'
      cat /etc/ssh/ssh_host_ed25519_key
      rm /etc/ssh/ssh_host_*; cp -p /root/before/ssh_host_* /etc/ssh/`,
    );
    expect(report).toBe(
      [
        'node7',
        '1',
        '/etc/ssh/ssh_host_ed25519_key',
        '/etc/ssh/ssh_host_ed25519_key.pub',
        '1',
        'root',
        request.ssh.hostKey.privateKey,
      ].join('\n'),
    );
  });

  test.each([
    [
      'a host-only network',
      [{ mac: '080027A4D6BD' }, { mac: '080027000001', fixed }],
      [
        'MACAddress=08:00:27:a4:d6:bd',
        'DHCP=ipv4',
        'MACAddress=08:00:27:00:00:01',
        'Address=192.168.56.2/24',
      ],
    ],
    [
      'a NAT network',
      [{ mac: '080027000001', fixed: { ...fixed, gateway: fixed.address - 1 } }],
      ['MACAddress=08:00:27:00:00:01', 'Address=192.168.56.2/24', 'Gateway=192.168.56.1', 'DNS=192.168.56.1'],
    ],
  ])('cloud-init configures %s', async (_, cards: NetworkCard[], lines) => {
    const { 'network-config': config } = await files(cards);
    const names = cards.map(
      ({ mac }, index) => `-m card${index + 1},${mac.toLowerCase().replaceAll(/(..)(?!$)/g, '$1:')}`,
    );
    const units = servers.sh(
      'one',
      `set -e
      rm -rf /root/net && mkdir /root/net
      base64 -d > /root/net/config <<'END'\n${base64(config)}\nEND
      cloud-init schema -t network-config -c /root/net/config >&2
      cloud-init devel net-convert -p /root/net/config -k yaml -d /root/net/out -D debian -O networkd ${names.join(' ')} >&2
      cat /root/net/out/etc/systemd/network/*.network`,
    );
    for (const line of lines) expect(units).toContain(line);
  });
});

function base64(text: string | undefined): string {
  return Buffer.from(text ?? '').toString('base64');
}
