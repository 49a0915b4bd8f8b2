import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { UserError } from '../../base/errors.js';
import {
  formatAddress,
  formatRange,
  networkAddress,
  overlap,
  parseAddress,
  type Range,
  tryParseRange,
} from '../../base/ip-addresses.js';
import type { Machine } from '../../machines/model/machine.js';
import { readBlocks } from './parse-output.js';
import type { VBoxManage } from './vboxmanage.js';
import type { HostOnly, VirtualBoxSettings } from './virtualbox-settings.js';

/** The default of VirtualBox since 6.1.28. */
const allowedByDefault: Range = { base: parseAddress('192.168.56.0') ?? 0, prefix: 21 };

/** Configures which host-only networks VirtualBox allows on Linux, macOS and Solaris. */
const rangesFile = '/etc/vbox/networks.conf';

/** Shared by all machines of this computer. */
export const natNetworkName = 'belt';

type HostOnlyRange = Pick<HostOnly, 'address' | 'prefix'>;

export interface HostOnlyInterface {
  /** `vboxnet0`, for VMs. */
  name: string;
  /** `HostInterfaceNetworking-vboxnet0`, for DHCP servers. */
  networkName: string;
  /** Undefined: the computer has no address there, as after a reboot. */
  own?: HostOnlyRange;
}

/** Changes nothing. @throws UserError for a network that clashes or that VirtualBox would refuse */
export async function checkNetwork(vbox: VBoxManage, settings: VirtualBoxSettings): Promise<void> {
  if (settings.network === 'natnetwork') {
    requireFreeRange(settings.natnetworkCidr, 'natnetwork_cidr', await rangesInUse());
    return;
  }
  const { hostonly } = settings;
  const found = await findInterface(vbox, hostonly);
  if (found) return;
  await requireAllowedRange(hostonly);
  requireFreeRange(rangeOf(hostonly), 'hostonly_cidr', await rangesInUse());
}

export function rangeOf({ address, prefix }: HostOnlyRange): Range {
  return { base: networkAddress(address, prefix), prefix };
}

/** @param preferred gets the address if no interface has it. @throws UserError */
export async function ensureHostOnly(
  vbox: VBoxManage,
  hostonly: HostOnlyRange,
  preferred?: string,
): Promise<HostOnlyInterface> {
  const found = await findInterface(vbox, hostonly);
  if (found) return found;
  // Before an interface is created that would be left without an address.
  await requireAllowedRange(hostonly);
  const idle = (await hostOnlyInterfaces(vbox)).find((one) => one.name === preferred && !one.own);
  const name = idle?.name ?? (await createInterface(vbox));
  const options = ['--ip', formatAddress(hostonly.address), '--netmask', netmaskOf(hostonly.prefix)];
  await vbox.run(['hostonlyif', 'ipconfig', name, ...options]);
  return { name, networkName: `HostInterfaceNetworking-${name}`, own: hostonly };
}

async function createInterface(vbox: VBoxManage): Promise<string> {
  const output = await vbox.run(['hostonlyif', 'create']);
  const name = /Interface '(.+)' was successfully created/.exec(output)?.[1];
  if (name === undefined)
    throw new UserError(`VirtualBox did not create a host-only interface: ${output.trim()}`);
  return name;
}

/** docker-machine's field for a machine's host-only network: `192.168.99.1/24`. */
const recordedRange = 'HostOnlyCIDR';

export function rangeRecord({ address, prefix }: HostOnlyRange): Record<string, string> {
  return { [recordedRange]: formatRange({ base: address, prefix }) };
}

/**
 * The host-only network that a machine was created in: as recorded, or derived from its address.
 * @param set the current setting, used when the address is in its range
 */
export function networkOf(
  { addresses, driverData }: Pick<Machine, 'addresses' | 'driverData'>,
  set: HostOnlyRange,
): HostOnlyRange | undefined {
  const recorded = tryParseRange(String(driverData[recordedRange]));
  if (recorded && recorded.prefix < 32) return { address: recorded.base, prefix: recorded.prefix };
  const own = parseAddress(addresses.public ?? '');
  if (own === undefined) return undefined;
  if (overlap(rangeOf(set), { base: own, prefix: 32 })) return { address: set.address, prefix: set.prefix };
  return { address: networkAddress(own, 24) + 1, prefix: 24 };
}

export function isInNetwork({ own }: HostOnlyInterface, wanted: HostOnlyRange | undefined): boolean {
  return own !== undefined && (wanted === undefined || overlap(rangeOf(own), rangeOf(wanted)));
}

export function netmaskOf(prefix: number): string {
  return ipaddr.IPv4.subnetMaskFromPrefixLength(prefix).toString();
}

export async function ensureNatNetwork(vbox: VBoxManage, range: Range): Promise<void> {
  const networks = readBlocks(await vbox.run(['list', 'natnetworks']));
  const found = networks.find((block) => (block.get('Name') ?? block.get('NetworkName')) === natNetworkName);
  const text = formatRange(range);
  if (!found) {
    const options = ['--netname', natNetworkName, '--network', text, '--enable', '--dhcp', 'off'];
    await vbox.run(['natnetwork', 'add', ...options]);
    return;
  }
  const existing = found.get('Network') ?? found.get('IPv4 network');
  if (existing === undefined || existing === text) return;
  throw new UserError(`VirtualBox's NAT network "${natNetworkName}" has the range ${existing}, not ${text}`, {
    hint: `set natnetwork_cidr to ${existing}, or remove the network: VBoxManage natnetwork remove --netname ${natNetworkName}`,
  });
}

async function findInterface(
  vbox: VBoxManage,
  { address }: HostOnlyRange,
): Promise<HostOnlyInterface | undefined> {
  return (await hostOnlyInterfaces(vbox)).find(({ own }) => own?.address === address);
}

export async function hostOnlyInterfaces(vbox: VBoxManage): Promise<HostOnlyInterface[]> {
  const blocks = readBlocks(await vbox.run(['list', 'hostonlyifs']));
  return blocks.map((block) => {
    // 0.0.0.0 means no address.
    const address = parseAddress(block.get('IPAddress') ?? '') || undefined;
    const prefix = prefixOf(block.get('NetworkMask') ?? '');
    return {
      name: block.get('Name') ?? '',
      networkName: block.get('VBoxNetworkName') ?? '',
      ...(address !== undefined && { own: { address, prefix } }),
    };
  });
}

/** 24, VirtualBox's default, for an invalid netmask. */
function prefixOf(netmask: string): number {
  const prefix = ipaddr.IPv4.isValid(netmask) && ipaddr.IPv4.parse(netmask).prefixLengthFromSubnetMask();
  return prefix || 24;
}

async function requireAllowedRange(hostonly: HostOnlyRange): Promise<void> {
  if (process.platform === 'win32') return;
  const text = await readFile(rangesFile, 'utf8').catch(() => undefined);
  const allowed = text === undefined ? [allowedByDefault] : readAllowed(text);
  const range = rangeOf(hostonly);
  if (allowed.some((one) => one.prefix <= range.prefix && overlap(one, range))) return;
  throw new UserError(`VirtualBox does not allow the host-only network ${formatRange(range)}`, {
    hint: `choose one within ${allowed.map(formatRange).join(', ')}, or allow it with the line "* ${formatRange(range)}" in ${rangesFile}`,
  });
}

/** Lines of `* RANGE...`. @see https://www.virtualbox.org/manual/ch06.html#network_hostonly */
export function readAllowed(text: string): Range[] {
  return text
    .split(/\r?\n/)
    .flatMap((line) => /^\s*\*\s+(.*)$/.exec(line.replace(/#.*/, ''))?.[1]?.split(/\s+/) ?? [])
    .flatMap((word) => tryParseRange(word) ?? []);
}

interface UsedRange {
  by: string;
  range: Range;
}

function requireFreeRange(wanted: Range, setting: string, used: readonly UsedRange[]): void {
  const clash = used.find(({ range }) => overlap(range, wanted));
  if (!clash) return;
  throw new UserError(
    `the network ${formatRange(wanted)} clashes with ${formatRange(clash.range)} on ${clash.by}`,
    { hint: `choose another range: --virtualbox-${setting.replaceAll('_', '-')}` },
  );
}

/** The ranges of the computer's interfaces and, on Linux, of its routes: a VPN's may be wider. */
async function rangesInUse(): Promise<UsedRange[]> {
  const interfaces = Object.entries(networkInterfaces()).flatMap(([by, addresses = []]) =>
    addresses.flatMap(({ cidr }) => ({ by, text: cidr ?? '' })),
  );
  const links = interfaces.flatMap(({ by, text }) => {
    const range = tryParseRange(text);
    return range ? [{ by, range }] : [];
  });
  const routes = readRoutes(await readFile('/proc/net/route', 'utf8').catch(() => ''));
  return [...links, ...routes].filter(({ range }) => range.prefix > 0);
}

/** Interface, destination and, in column eight, mask; both in little-endian hex. */
export function readRoutes(text: string): UsedRange[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [by, destination, , , , , , mask] = line.trim().split(/\s+/);
      if (by === undefined || destination === undefined || mask === undefined) return [];
      const bits = littleEndian(mask).toString(2).replaceAll('0', '').length;
      return [{ by, range: { base: littleEndian(destination), prefix: bits } }];
    });
}

function littleEndian(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE();
}
