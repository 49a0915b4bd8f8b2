import { UserError } from '../../base/errors.js';
import { formatAddress } from '../../base/ip-addresses.js';
import { readBlocks } from './parse-output.js';
import type { VBoxManage } from './vboxmanage.js';
import type { HostOnly } from './virtualbox-settings.js';
import { netmaskOf, rangeOf } from './vm-network.js';

/** The server's own address in its network; the default of VirtualBox and docker-machine. */
export const dhcpServerHost = 100;

/** @throws UserError for a network without room for a DHCP server, or where it is disabled */
export function requireDhcp({ dhcp, prefix }: HostOnly): void {
  if (!dhcp) {
    throw new UserError('boot2docker machines get their addresses by DHCP', {
      hint: 'remove the setting hostonly_no_dhcp (VIRTUALBOX_HOSTONLY_NO_DHCP)',
    });
  }
  if (prefix <= 24) return;
  throw new UserError(`a host-only network /${prefix} is too small for boot2docker machines`, {
    hint: 'use at least /24',
  });
}

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
  const range = [`--lower-ip=${at(dhcpServerHost + 1)}`, `--upper-ip=${at(254)}`];
  const own = [`--server-ip=${at(dhcpServerHost)}`, `--netmask=${netmaskOf(hostonly.prefix)}`];
  await vbox.run(['dhcpserver', 'add', `--network=${networkName}`, ...own, ...range, '--enable']);
}

export function fixedAddressArgs(networkName: string, uuid: string, address: number): string[] {
  return [...cardOf(networkName, uuid), `--fixed-address=${formatAddress(address)}`];
}

export function noFixedAddressArgs(networkName: string, uuid: string): string[] {
  return [...cardOf(networkName, uuid), '--remove-config'];
}

function cardOf(networkName: string, uuid: string): string[] {
  return ['dhcpserver', 'modify', `--network=${networkName}`, `--vm=${uuid}`, '--nic=2'];
}
