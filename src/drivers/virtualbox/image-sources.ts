import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { UserError } from '../../base/errors.js';
import type { LocalUser, Machine, SettingValues } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';

export interface ImageSource {
  name: string;
  location: string;
  /** Undefined: read from `checksumFiles` beside a URL; a local file is not verified. */
  checksum?: string;
  checksumFiles: readonly string[];
  /** The image's first user. */
  user: string;
  /** VirtualBox's name for the system, known to all versions. */
  osType: string;
}

/**
 * The default first. VirtualBox cannot read compressed qcow2, hence Debian's raw disks. Debian's
 * `generic` images have drivers for VirtualBox's hardware, `genericcloud` has not.
 */
const vendors: Readonly<Record<string, Omit<ImageSource, 'name'>>> = {
  'debian-13': debian('trixie', 'debian-13-generic-amd64.raw'),
  'debian-12': debian('bookworm', 'debian-12-generic-amd64.raw'),
  'ubuntu-24.04': {
    location:
      'https://cloud-images.ubuntu.com/releases/noble/release/ubuntu-24.04-server-cloudimg-amd64.vmdk',
    checksumFiles: ['SHA256SUMS'],
    user: 'ubuntu',
    osType: 'Ubuntu_64',
  },
};

function debian(suite: string, file: string): Omit<ImageSource, 'name'> {
  return {
    location: `https://cloud.debian.org/images/cloud/${suite}/latest/${file}`,
    checksumFiles: ['SHA512SUMS'],
    user: 'debian',
    osType: 'Debian_64',
  };
}

export const vendorImages: readonly string[] = Object.keys(vendors);

/** Users' own images are recorded under another name. */
export function vendorImageOf(machine: Pick<Machine, 'driverData'>): SettingValues {
  const recorded = recordedSetting(machine, 'image');
  return vendorImages.includes(String(recorded['image'])) ? recorded : {};
}

/** @throws UserError when it is neither a vendor's image nor a path or URL */
export function sourceOf(image: string, checksum: string | undefined, user: LocalUser): ImageSource {
  const vendor = Object.hasOwn(vendors, image) ? vendors[image] : undefined;
  if (vendor) return { name: image, ...vendor };
  const isUrl = /^https?:\/\//.test(image);
  if (!isUrl && !/[/\\.]/.test(image)) {
    throw new UserError(`unknown image "${image}"`, {
      hint: `use one of: ${vendorImages.join(', ')}, or a path or URL of your own`,
    });
  }
  const location = isUrl ? image : user.resolvePath(image);
  return {
    name: cacheName(location),
    location,
    ...(checksum !== undefined && { checksum }),
    checksumFiles: ['SHA512SUMS', 'SHA256SUMS'],
    user: 'belt',
    osType: 'Linux26_64',
  };
}

/** `debian-13-1f3a9c02` for `https://example.com/debian-13.raw`, unique per location. */
export function cacheName(location: string): string {
  const stem = basename(location)
    .replace(/\.[a-z0-9]+$/i, '')
    .replaceAll(/[^A-Za-z0-9.-]/g, '_');
  return `${stem.slice(0, 40)}-${createHash('sha256').update(location).digest('hex').slice(0, 8)}`;
}
