import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether this computer can have real machines: systemd-nspawn guests need Linux and root. */
export function canMakeMachines(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

/** The Debian that belt's own nspawn machines stand on; others may only read it. */
export function imageRoot(): string {
  const folder = '/var/lib/belt/images/debian-13';
  const { folder: built } = JSON.parse(readFileSync(join(folder, 'image.json'), 'utf8')) as {
    folder: string;
  };
  return join(folder, built);
}
