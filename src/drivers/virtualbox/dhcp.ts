import { UserError } from '../../base/errors.js';
import { formatAddress } from '../../base/ipv4.js';
import { readBlocks } from './parse-output.js';
import type { VBoxManage } from './vboxmanage.js';
import type { HostOnly } from './virtualbox-settings.js';
import { netmaskOf, rangeOf } from './vm-network.js';

/** The server's own address in its network; VirtualBox and docker-machine begin there too. */
export const dhcpServerHost = 100;

/** @throws UserError for a network that has no room for a DHCP server, or is to have none */
export function requireDhcp({ dhcp, prefix }: HostOnly): void {
  if (!dhcp) {
    throw new UserError('boot2docker machines get their addresses by DHCP', {
      hint: 'leave the setting hostonly_no_dhcp (VIRTUALBOX_HOSTONLY_NO_DHCP) out',
    });
  }
  if (prefix <= 24) return;
  throw new UserError(`a host-only network /${prefix} is too small for boot2docker machines`, {
    hint: 'at least /24',
  });
}

/** VirtualBox's DHCP server in the host-only network; one that is there stays as it is. */
export async function ensureDhcp(vbox: VBoxManage, networkName: string, hostonly: HostOnly): Promise<void> {
  const servers = readBlocks(await vbox.run(['list', 'dhcpservers']));
  const found = servers.find((server) => server.get('NetworkName') === networkName);
  if (found?.get('Enabled') === 'Yes') return;
  if (found) {
    await vbox.run(['dhcpserver', 'modify', `--network=${networkName}`, '--enable']);
    return;
  }
  const { base } = rangeOf(hostonly);
  const at = (host: number) => formatAddress(base + host);
  await vbox.run([
    ...['dhcpserver', 'add', `--network=${networkName}`, `--server-ip=${at(dhcpServerHost)}`],
    ...[
      `--netmask=${netmaskOf(hostonly.prefix)}`,
      `--lower-ip=${at(dhcpServerHost + 1)}`,
      `--upper-ip=${at(254)}`,
    ],
    '--enable',
  ]);
}

/** Has the server give this VM's second card always the same address. */
export function fixedAddressArgs(networkName: string, uuid: string, address: number): string[] {
  return [...cardOf(networkName, uuid), `--fixed-address=${formatAddress(address)}`];
}

export function noFixedAddressArgs(networkName: string, uuid: string): string[] {
  return [...cardOf(networkName, uuid), '--remove-config'];
}

function cardOf(networkName: string, uuid: string): string[] {
  return ['dhcpserver', 'modify', `--network=${networkName}`, `--vm=${uuid}`, '--nic=2'];
}
