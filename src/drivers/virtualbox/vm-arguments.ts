import { formatAddress, formatRange } from '../../base/ip-addresses.js';
import { memoryForSize } from '../kit/memory-size.js';
import { dhcpServerHost } from './dhcp.js';
import type { NetworkCard } from './seed-disk.js';
import type { Share, VirtualBoxSettings } from './virtualbox-settings.js';
import type { VmInfo } from './vm.js';
import { natNetworkName, rangeOf } from './vm-network.js';

/** Mebibytes. @throws UserError when it is not an amount of memory, or too little */
export function memoryOf(size: string | undefined, settings: VirtualBoxSettings): number {
  return size === undefined ? settings.memory : memoryForSize(size, 'virtualbox');
}

export function createArgs(vm: {
  uuid: string;
  name: string;
  osType: string;
  group: string;
  folder: string;
}): string[] {
  return [
    ...['createvm', '--name', vm.name, '--uuid', vm.uuid, '--ostype', vm.osType],
    ...['--groups', vm.group, '--basefolder', vm.folder, '--register'],
  ];
}

/** docker-machine's hardware, in options that 6.1 and 7.2 accept. */
export function hardwareArgs(memory: number, { cpus = 1, ...settings }: VirtualBoxSettings): string[] {
  const onOff = (on: boolean) => (on ? 'on' : 'off');
  return [
    ...['--memory', String(memory), '--cpus', String(cpus), '--firmware', 'bios'],
    ...['--acpi', 'on', '--ioapic', 'on', '--rtcuseutc', 'on', '--pae', 'on'],
    ...['--graphicscontroller', 'vmsvga', '--biosbootmenu', 'disabled'],
    ...['--bioslogofadein', 'off', '--bioslogofadeout', 'off', '--bioslogodisplaytime', '0'],
    ...['--natdnshostresolver1', onOff(settings.hostDnsResolver), '--natdnsproxy1', onOff(settings.dnsProxy)],
  ];
}

/** Cloud images log their boot to the serial console; some hang without one. */
export function consoleArgs(file: string): string[] {
  return ['--uart1', '0x3F8', '4', '--uartmode1', 'file', file];
}

/** The first card is for outgoing traffic; with a host-only network, the second is for incoming. */
export function cardArgs(settings: VirtualBoxSettings, hostOnlyName: string | undefined): string[] {
  const first = ['--nictype1', settings.natNictype, '--cableconnected1', 'on'];
  if (hostOnlyName === undefined) return ['--nic1', 'natnetwork', '--nat-network1', natNetworkName, ...first];
  const { nicType, promiscuous } = settings.hostonly;
  return [
    ...['--nic1', 'nat', ...first],
    ...['--nic2', 'hostonly', '--hostonlyadapter2', hostOnlyName, '--nictype2', nicType],
    ...['--nicpromisc2', promiscuous, '--cableconnected2', 'on'],
  ];
}

export function cardsOf(info: VmInfo, address: number, settings: VirtualBoxSettings): NetworkCard[] {
  const mac = (number: number) => info.get(`macaddress${number}`) ?? '';
  if (settings.network === 'natnetwork') {
    const { base, prefix } = settings.natnetworkCidr;
    return [{ mac: mac(1), fixed: { address, prefix, gateway: base + 1 } }];
  }
  return [{ mac: mac(1) }, { mac: mac(2), fixed: { address, prefix: settings.hostonly.prefix } }];
}

/** 22 is this computer's own SSH port, and ports below 1024 need root. */
export const forwardedSshPort = 2222;

const forwarded = [
  { what: 'ssh', here: forwardedSshPort, there: 22 },
  { what: 'engine', here: 2376, there: 2376 },
] as const;

export function forwardNames(uuid: string): string[] {
  return forwarded.map(({ what }) => `${what}-${uuid}`);
}

/**
 * A NAT network is reachable through forwarded ports only. Each machine has its own loopback
 * address (127.98.0.4 for 10.98.0.4), so that all can use the same ports.
 */
export function forwardArgs(uuid: string, address: number): string[][] {
  return forwarded.map(({ here, there }, index) => {
    const rule = `${forwardNames(uuid)[index]}:tcp:[${loopbackOf(address)}]:${here}:[${formatAddress(address)}]:${there}`;
    return ['natnetwork', 'modify', '--netname', natNetworkName, '--port-forward-4', rule];
  });
}

export function loopbackOf(address: number): string {
  return `127.${formatAddress(address).split('.').slice(1).join('.')}`;
}

/** Addresses outside the DHCP server's range come first. */
export function addressCandidates(settings: VirtualBoxSettings): number[] {
  const { base, prefix } =
    settings.network === 'natnetwork' ? settings.natnetworkCidr : rangeOf(settings.hostonly);
  const own = settings.network === 'natnetwork' ? base + 1 : settings.hostonly.address;
  const all = Array.from({ length: 2 ** (32 - prefix) - 2 }, (_, index) => base + 1 + index);
  const free = all.filter((address) => address !== own && address !== base + dhcpServerHost);
  const isQuiet = (address: number) => address % 256 < dhcpServerHost;
  return [...free.filter(isQuiet), ...free.filter((address) => !isQuiet(address))];
}

export function rangeText(settings: VirtualBoxSettings): string {
  return formatRange(
    settings.network === 'natnetwork' ? settings.natnetworkCidr : rangeOf(settings.hostonly),
  );
}

export function controllerArgs(uuid: string): string[] {
  const kind = ['--add', 'sata', '--controller', 'IntelAhci', '--portcount', '2'];
  return ['storagectl', uuid, '--name', 'SATA', ...kind, '--hostiocache', 'on', '--bootable', 'on'];
}

/** boot2docker's disk is not bootable. */
export function bootOrderArgs(kind: 'cloud' | 'boot2docker'): string[] {
  return kind === 'cloud' ? ['--boot1', 'disk', '--boot2', 'none'] : ['--boot1', 'dvd', '--boot2', 'disk'];
}

export function attachArgs(uuid: string, port: number, type: 'hdd' | 'dvddrive', medium: string): string[] {
  const slot = ['--storagectl', 'SATA', '--port', String(port), '--device', '0'];
  return ['storageattach', uuid, ...slot, '--type', type, '--medium', medium];
}

/** Mounted at `/NAME` by guest additions. Symbolic links in shared folders must be enabled. */
export function shareArgs(uuid: string, { path, name }: Share): string[][] {
  return [
    ['guestproperty', 'set', uuid, '/VirtualBox/GuestAdd/SharedFolders/MountPrefix', '/'],
    ['guestproperty', 'set', uuid, '/VirtualBox/GuestAdd/SharedFolders/MountDir', '/'],
    ['sharedfolder', 'add', uuid, '--name', name, '--hostpath', path, '--automount'],
    ['setextradata', uuid, `VBoxInternal2/SharedFoldersEnableSymlinksCreate/${name}`, '1'],
  ];
}
