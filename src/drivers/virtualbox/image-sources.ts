import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { UserError } from '../../base/errors.js';
import type { Machine, Person, SettingValues } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';

/** Where a cloud image comes from. */
export interface Source {
  /** Under which it is cached: `debian-13`, or made of where it is. */
  name: string;
  /** A URL, or an absolute path. */
  location: string;
  /** Absent: `checksumFiles` beside a URL tell; a file of the person's own is taken as it is. */
  checksum?: string;
  checksumFiles: readonly string[];
  /** The name that the image's first user gets. */
  user: string;
  /** VirtualBox's name for the system, one that all versions know. */
  osType: string;
}

/**
 * Those of the vendors, the default first; of their formats the ones that VirtualBox reads: Debian's raw disks (compressed qcow2 it does
 * not read), and Canonical's VMDK. Debian's `generic` images have drivers for the hardware that VirtualBox shows, `genericcloud` has not.
 */
const vendors: Readonly<Record<string, Omit<Source, 'name'>>> = {
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

function debian(suite: string, file: string): Omit<Source, 'name'> {
  return {
    location: `https://cloud.debian.org/images/cloud/${suite}/latest/${file}`,
    checksumFiles: ['SHA512SUMS'],
    user: 'debian',
    osType: 'Debian_64',
  };
}

export const vendorImages: readonly string[] = Object.keys(vendors);

/** The image that a machine was made of; nothing for one of the person's own, which is recorded under another name than it is set by. */
export function vendorImageOf(machine: Pick<Machine, 'driverData'>): SettingValues {
  const recorded = recordedSetting(machine, 'image');
  return vendorImages.includes(String(recorded['image'])) ? recorded : {};
}

/** @throws UserError for what is neither a vendor's image nor a path or URL */
export function sourceOf(image: string, checksum: string | undefined, person: Person): Source {
  const vendor = Object.hasOwn(vendors, image) ? vendors[image] : undefined;
  if (vendor) return { name: image, ...vendor };
  const isUrl = /^https?:\/\//.test(image);
  if (!isUrl && !/[/\\.]/.test(image)) {
    throw new UserError(`there is no image "${image}"`, {
      hint: `images: ${vendorImages.join(', ')}, or a path or URL of your own`,
    });
  }
  const location = isUrl ? image : person.resolvePath(image);
  return {
    name: ownName(location),
    location,
    ...(checksum !== undefined && { checksum }),
    checksumFiles: ['SHA512SUMS', 'SHA256SUMS'],
    user: 'belt',
    osType: 'Linux26_64',
  };
}

/** `debian-13-1f3a9c02` of `https://example.com/debian-13.raw`: two of the same name from different places are two. */
export function ownName(location: string): string {
  const stem = basename(location)
    .replace(/\.[a-z0-9]+$/i, '')
    .replaceAll(/[^A-Za-z0-9.-]/g, '_');
  return `${stem.slice(0, 40)}-${createHash('sha256').update(location).digest('hex').slice(0, 8)}`;
}
