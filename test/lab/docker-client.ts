import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { cloudsFolder } from './ec2/moto.js';

/** Debian 13's docker client, its plugins and its registry. They also run on Debian 12. */
const packages = ['docker-cli', 'docker-compose', 'docker-buildx', 'docker-registry'];
const folder = '/var/lib/belt-test/docker';

export const clientPath = `${folder}/usr/bin`;
export const pluginsPath = `${folder}/usr/libexec/docker/cli-plugins`;
export const registryProgram = `${folder}/usr/bin/docker-registry`;

/** Outside of PATH, without an engine. Takes some seconds, once per computer. */
export async function installDockerClient(): Promise<void> {
  if (existsSync(folder)) return;
  const unpacked = `${folder}.new-${process.pid}`;
  const script = `set -e
    mkdir -p /tmp/docker-client && cd /tmp/docker-client
    apt-get update
    apt-get download ${packages.join(' ')}
    for file in *.deb; do dpkg-deb -x "$file" unpacked; done`;
  execFileSync('/usr/sbin/chroot', [cloudsFolder, 'sh', '-c', script], { stdio: 'inherit' });
  execFileSync('cp', ['-a', `${cloudsFolder}/tmp/docker-client/unpacked`, unpacked]);
  await rm(`${cloudsFolder}/tmp/docker-client`, { recursive: true });
  await rename(unpacked, folder).catch(async (error) => {
    // Another test run installed it first.
    if (!existsSync(folder)) throw error;
    await rm(unpacked, { recursive: true });
  });
}
