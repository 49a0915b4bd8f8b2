import { availableParallelism } from 'node:os';
import { UserError } from '../../base/errors.js';
import { formatRange, parseAddress, type Range, tryParseRange } from '../../base/ip-addresses.js';
import type { SettingValues } from '../driver.js';
import { boolean, choice, defineSettings, integer, text } from '../kit/define-settings.js';
import { engineAtFirstBoot } from '../kit/first-boot.js';
import { minMemoryMb } from '../kit/memory-size.js';

const nicTypes = ['82540EM', '82543GC', '82545EM', 'Am79C970A', 'Am79C973', 'Am79C960', 'virtio'];

export const declaredSettings = defineSettings({
  memory: integer({
    summary: 'Memory of machines without a size, in MB',
    default: 1024,
    env: ['VIRTUALBOX_MEMORY_SIZE'],
    min: minMemoryMb,
    max: 2_097_152,
  }),
  cpuCount: integer({
    summary: "Number of processors; -1 for all of this computer's (default: 1)",
    env: ['VIRTUALBOX_CPU_COUNT'],
    min: -1,
    max: 64,
  }),
  diskSize: integer({
    summary: 'Disk size, in MB (default: 20000)',
    env: ['VIRTUALBOX_DISK_SIZE'],
    min: 3000,
    max: 2 ** 31,
  }),
  image: text({
    summary:
      'Cloud image: debian-13, debian-12, ubuntu-24.04, or a file or URL of your own (raw, vmdk, vdi or vhd)',
    default: 'debian-13',
    env: ['VIRTUALBOX_IMAGE'],
  }),
  imageChecksum: text({
    summary:
      'sha256:... or sha512:... of an image of your own (default: SHA512SUMS or SHA256SUMS next to it)',
    env: ['VIRTUALBOX_IMAGE_CHECKSUM'],
    parse: checksumOf,
    expected: 'sha256: or sha512: and hex digits',
  }),
  boot2dockerUrl: text({
    summary: 'boot2docker ISO, a file or URL, to boot instead of a cloud image',
    env: ['VIRTUALBOX_BOOT2DOCKER_URL'],
  }),
  importBoot2dockerVm: text({
    summary: 'No longer supported',
    env: ['VIRTUALBOX_BOOT2DOCKER_IMPORT_VM'],
    parse: refuseImport,
  }),
  sshUser: text({
    summary: 'SSH user (default: debian, ubuntu or docker, as the image needs, or belt)',
    env: ['VIRTUALBOX_SSH_USER'],
  }),
  network: choice(['hostonly', 'natnetwork'], {
    summary: 'hostonly, or natnetwork if this computer cannot have a host-only network',
    default: 'hostonly',
    env: ['VIRTUALBOX_NETWORK'],
  }),
  hostonlyCidr: text({
    summary: "This computer's address in the host-only network, with its prefix",
    default: '192.168.56.1/24',
    env: ['VIRTUALBOX_HOSTONLY_CIDR'],
    parse: hostOnlyRange,
    expected: "the computer's own address with its range, like 192.168.56.1/24",
  }),
  hostonlyNictype: choice(nicTypes, {
    summary: 'Network adapter type in the host-only network',
    default: '82540EM',
    env: ['VIRTUALBOX_HOSTONLY_NIC_TYPE'],
  }),
  hostonlyNicpromisc: choice(['deny', 'allow-vms', 'allow-all'], {
    summary: 'Promiscuous mode of that adapter: deny, allow-vms or allow-all',
    default: 'deny',
    env: ['VIRTUALBOX_HOSTONLY_NIC_PROMISC'],
  }),
  hostonlyNoDhcp: boolean({
    summary: 'No DHCP server in the host-only network; only boot2docker machines use one',
    default: false,
    env: ['VIRTUALBOX_HOSTONLY_NO_DHCP'],
  }),
  natnetworkCidr: text({
    summary: 'Range of the NAT network',
    default: '10.98.0.0/24',
    env: ['VIRTUALBOX_NATNETWORK_CIDR'],
    parse: natRange,
    expected: 'a range within 10.0.0.0/8, like 10.98.0.0/24',
  }),
  natNictype: choice(nicTypes, {
    summary: 'Network adapter type of the NAT network',
    default: '82540EM',
    env: ['VIRTUALBOX_NAT_NICTYPE'],
  }),
  hostDnsResolver: boolean({
    summary: "Resolve machines' DNS queries with this computer's resolver",
    default: false,
    env: ['VIRTUALBOX_HOST_DNS_RESOLVER'],
  }),
  noDnsProxy: boolean({
    summary: "Do not forward machines' DNS queries to this computer's name server",
    default: false,
    env: ['VIRTUALBOX_NO_DNS_PROXY'],
  }),
  shareFolder: text({
    summary:
      'Folder to share with machines, like /home:hosthome; boot2docker machines always share your home folders',
    env: ['VIRTUALBOX_SHARE_FOLDER'],
    parse: shareOf,
    expected: 'FOLDER:NAME, like /home:hosthome',
  }),
  noShare: boolean({
    summary: 'Share no folders',
    default: false,
    env: ['VIRTUALBOX_NO_SHARE'],
  }),
  uiType: choice(['headless', 'gui', 'sdl', 'separate'], {
    summary: 'How to start machines: headless, gui, sdl or separate',
    default: 'headless',
    env: ['VIRTUALBOX_UI_TYPE'],
  }),
  noVtxCheck: boolean({
    summary: 'Do not check whether the processor supports virtualization',
    default: false,
    env: ['VIRTUALBOX_NO_VTX_CHECK'],
  }),
  engineAtFirstBoot,
  folder: text({
    summary: "Folder for machines and images (default: VirtualBox's default machine folder)",
    env: ['VIRTUALBOX_FOLDER'],
  }),
  installPath: text({
    summary: 'Folder that contains VBoxManage (default: found in your PATH)',
    env: ['VBOX_MSI_INSTALL_PATH', 'VBOX_INSTALL_PATH'],
  }),
});

export type VirtualBoxSettings = ReturnType<typeof readSettings>;

export interface HostOnly {
  address: number;
  prefix: number;
  nicType: string;
  promiscuous: string;
  dhcp: boolean;
}

export interface Share {
  path: string;
  name: string;
}

/** @throws UserError for a value that cannot work anywhere */
export function readSettings(values: SettingValues) {
  const { cpuCount, noDnsProxy, noShare, shareFolder, noVtxCheck, ...settings } =
    declaredSettings.read(values);
  const { hostonlyCidr, hostonlyNictype, hostonlyNicpromisc, hostonlyNoDhcp, ...others } = settings;
  const hostonly: HostOnly = {
    ...hostonlyCidr,
    nicType: hostonlyNictype,
    promiscuous: hostonlyNicpromisc,
    dhcp: !hostonlyNoDhcp,
  };
  return {
    ...others,
    cpus: cpusOf(cpuCount),
    hostonly,
    dnsProxy: !noDnsProxy,
    share: noShare ? ('none' as const) : shareFolder,
    vtxCheck: !noVtxCheck,
  };
}

/** docker-machine's -1 stands for all processors; VirtualBox supports at most 32. */
function cpusOf(count: number | undefined): number | undefined {
  if (count === -1) return Math.min(availableParallelism(), 32);
  if (count !== 0) return count;
  throw new UserError('the setting cpu_count must be at least 1, or -1 for all processors');
}

function checksumOf(text: string): string | undefined {
  const isChecksum = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/i.test(text);
  return isChecksum ? text.toLowerCase() : undefined;
}

function hostOnlyRange(text: string): { address: number; prefix: number } | undefined {
  const range = tryParseRange(text);
  if (!range || !text.includes('/') || range.prefix < 8 || range.prefix > 29) return undefined;
  const last = 2 ** (32 - range.prefix) - 1;
  const own = range.base % (last + 1);
  if (own !== 0 && own !== last) return { address: range.base, prefix: range.prefix };
  throw new UserError(`the setting hostonly_cidr "${text}" is not the address of a computer`, {
    hint: `use ${formatRange({ base: range.base - own + 1, prefix: range.prefix })}`,
  });
}

function natRange(text: string): Range | undefined {
  const range = tryParseRange(text);
  // An address 10.x.y.z is forwarded from 127.x.y.z on this computer.
  const good = range && range.prefix >= 16 && range.prefix <= 29 && Math.floor(range.base / 2 ** 24) === 10;
  return good && range.base % 2 ** (32 - range.prefix) === 0 ? range : undefined;
}

/** docker-machine's `dir:name`; a Windows drive also has a colon. */
function shareOf(text: string): Share | undefined {
  const [, path, name] = /^(.+?[^:]):([^:/\\]+)$/.exec(text) ?? [];
  const isShare = path !== undefined && name !== undefined && parseAddress(text) === undefined;
  return isShare ? { path, name } : undefined;
}

function refuseImport(name: string): never {
  throw new UserError(`belt cannot import the virtual machine "${name}"`, {
    hint: 'remove the setting import_boot2docker_vm (VIRTUALBOX_BOOT2DOCKER_IMPORT_VM)',
  });
}
