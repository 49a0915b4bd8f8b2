import { availableParallelism } from 'node:os';
import { UserError } from '../../base/errors.js';
import { formatRange, parseAddress, type Range, tryParseRange } from '../../base/ipv4.js';
import type { SettingValues } from '../driver.js';
import { flagOf, integerOf, textOf } from '../kit/setting-values.js';

export interface VirtualBoxSettings {
  /** Mebibytes. */
  memory: number;
  /** Absent: one for new machines, and others keep what they have. */
  cpus?: number;
  /** Mebibytes. Absent: 20000 for new machines, and others keep what they have. */
  disk?: number;
  image: string;
  imageChecksum?: string;
  /** As the person wrote it: a path or a URL. */
  boot2docker?: string;
  sshUser?: string;
  network: 'hostonly' | 'natnetwork';
  hostonly: HostOnly;
  natRange: Range;
  natNicType: string;
  hostDnsResolver: boolean;
  dnsProxy: boolean;
  share?: Share | 'none';
  uiType: string;
  vtxCheck: boolean;
  engineAtFirstBoot: boolean;
  folder?: string;
  installPath?: string;
}

export interface HostOnly {
  /** The computer's own address there. */
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

const nicTypes = ['82540EM', '82543GC', '82545EM', 'Am79C970A', 'Am79C973', 'Am79C960', 'virtio'];

/** @throws UserError for a value that cannot work anywhere. */
export function readSettings(values: SettingValues): VirtualBoxSettings {
  const text = (key: string) => textOf(values, key);
  const present = <K extends keyof VirtualBoxSettings>(key: K, value: VirtualBoxSettings[K] | undefined) =>
    value === undefined ? {} : { [key]: value };
  refuseImport(text('import_boot2docker_vm'));
  return {
    memory: integerOf(values, 'memory', { from: leastMemory, to: 2097152 }) ?? 1024,
    ...present('cpus', cpusOf(integerOf(values, 'cpu_count', { from: -1, to: 64 }))),
    ...present('disk', integerOf(values, 'disk_size', { from: 3000, to: 2 ** 31 })),
    image: text('image') ?? 'debian-13',
    ...present('imageChecksum', checksumOf(text('image_checksum'))),
    ...present('boot2docker', text('boot2docker_url')),
    ...present('sshUser', text('ssh_user')),
    network: oneOf(values, 'network', ['hostonly', 'natnetwork']),
    hostonly: {
      ...hostOnlyRange(text('hostonly_cidr') ?? '192.168.56.1/24'),
      nicType: oneOf(values, 'hostonly_nictype', nicTypes),
      promiscuous: oneOf(values, 'hostonly_nicpromisc', ['deny', 'allow-vms', 'allow-all']),
      dhcp: !flagOf(values, 'hostonly_no_dhcp'),
    },
    natRange: natRange(text('natnetwork_cidr') ?? '10.98.0.0/24'),
    natNicType: oneOf(values, 'nat_nictype', nicTypes),
    hostDnsResolver: flagOf(values, 'host_dns_resolver'),
    dnsProxy: !flagOf(values, 'no_dns_proxy'),
    ...present('share', flagOf(values, 'no_share') ? 'none' : shareOf(text('share_folder'))),
    uiType: oneOf(values, 'ui_type', ['headless', 'gui', 'sdl', 'separate']),
    vtxCheck: !flagOf(values, 'no_vtx_check'),
    engineAtFirstBoot: flagOf(values, 'engine_at_first_boot'),
    ...present('folder', text('folder')),
    ...present('installPath', text('install_path')),
  };
}

/** A cloud image with an engine needs about 200 MB to boot. Mebibytes. */
export const leastMemory = 256;

/** The first of `known` is the default. */
function oneOf<const T extends string>(values: SettingValues, key: string, known: readonly T[]): T {
  const value = textOf(values, key);
  const found =
    value === undefined ? known[0] : known.find((one) => one.toLowerCase() === value.toLowerCase());
  if (found !== undefined) return found;
  throw new UserError(`the setting ${key} must be one of ${known.join(', ')}, not "${value}"`);
}

/** docker-machine's -1 is all of the computer's; VirtualBox takes 32 at most where it was built for that. */
function cpusOf(count: number | undefined): number | undefined {
  if (count === -1) return Math.min(availableParallelism(), 32);
  if (count !== 0) return count;
  throw new UserError('the setting cpu_count must be at least 1, or -1 for all of the computer');
}

function checksumOf(text: string | undefined): string | undefined {
  if (text === undefined || /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/i.test(text))
    return text?.toLowerCase();
  throw new UserError(`the setting image_checksum must be sha256: or sha512: and hex digits, not "${text}"`);
}

function hostOnlyRange(text: string): { address: number; prefix: number } {
  const range = tryParseRange(text);
  if (!range || !text.includes('/') || range.prefix < 8 || range.prefix > 29) {
    throw new UserError(
      `the setting hostonly_cidr must be the computer's own address with its range, as 192.168.56.1/24, not "${text}"`,
    );
  }
  const last = 2 ** (32 - range.prefix) - 1;
  const own = range.base % (last + 1);
  if (own !== 0 && own !== last) return { address: range.base, prefix: range.prefix };
  throw new UserError(`the setting hostonly_cidr "${text}" is no address for a computer`, {
    hint: `write ${formatRange({ base: range.base - own + 1, prefix: range.prefix })}`,
  });
}

function natRange(text: string): Range {
  const range = tryParseRange(text);
  // The second to fourth number of an address are those of its 127.x.y.z on this computer.
  const good = range && range.prefix >= 16 && range.prefix <= 29 && Math.floor(range.base / 2 ** 24) === 10;
  if (good && range.base % 2 ** (32 - range.prefix) === 0) return range;
  throw new UserError(
    `the setting natnetwork_cidr must be a range within 10.0.0.0/8, as 10.98.0.0/24, not "${text}"`,
  );
}

/** docker-machine's `dir:name`; a Windows drive has a colon of its own. */
function shareOf(text: string | undefined): Share | undefined {
  if (text === undefined) return undefined;
  const [, path, name] = /^(.+?[^:]):([^:/\\]+)$/.exec(text) ?? [];
  if (path !== undefined && name !== undefined && parseAddress(text) === undefined) return { path, name };
  throw new UserError(`the setting share_folder must be FOLDER:NAME, as /home:hosthome, not "${text}"`);
}

function refuseImport(name: string | undefined): void {
  if (name === undefined) return;
  throw new UserError(`belt cannot import the virtual machine "${name}"`, {
    hint: 'leave the setting import_boot2docker_vm (VIRTUALBOX_BOOT2DOCKER_IMPORT_VM) out',
  });
}
