import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether this computer can run real machines: systemd-nspawn guests need Linux and root. */
export function canCreateMachines(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

/** The root folder of the Debian image that belt's nspawn machines share. Read-only for others. */
export function imageRoot(): string {
  const folder = '/var/lib/belt/images/debian-13';
  const { folder: built } = JSON.parse(readFileSync(join(folder, 'image.json'), 'utf8')) as {
    folder: string;
  };
  return join(folder, built);
}
