import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A Debian with the real VirtualBox and isoinfo. It is kept between runs. */
export const virtualBoxFolder = '/var/lib/belt-test/virtualbox';

/** Takes a minute and 0.8 GB, once per computer. */
export async function installVirtualBox(): Promise<void> {
  if (existsSync(virtualBoxFolder)) return;
  const building = `${virtualBoxFolder}.building-${process.pid}`;
  const mirror = process.env['NSPAWN_MIRROR'] || 'http://deb.debian.org/debian';
  const options = [
    '--variant=minbase',
    '--components=main,contrib',
    '--include=virtualbox,ca-certificates,genisoimage',
  ];
  await mkdir(dirname(virtualBoxFolder), { recursive: true });
  execFileSync('debootstrap', [...options, 'sid', building, mirror], { stdio: 'inherit' });
  execFileSync('/usr/sbin/chroot', [building, 'apt-get', 'clean']);
  await rename(building, virtualBoxFolder).catch(async (error) => {
    // Another test run installed it first.
    if (!existsSync(virtualBoxFolder)) throw error;
    await rm(building, { recursive: true });
  });
}
