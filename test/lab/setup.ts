import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { installDockerClient } from './docker-client.js';
import { installMoto } from './ec2/moto.js';
import { canCreateMachines } from './machines.js';
import { installVirtualBox } from './virtualbox/install.js';

/** Debian packages that the tests need in addition to those that `belt doctor --fix` installs. */
const packages = {
  '/usr/sbin/sshd': 'openssh-server',
  '/usr/bin/ssh-agent': 'openssh-client',
  '/usr/bin/setpriv': 'util-linux',
  '/usr/bin/rsync': 'rsync',
  '/usr/bin/sshfs': 'sshfs',
  '/usr/bin/fusermount': 'fuse3',
  '/usr/bin/curl': 'curl',
  '/usr/bin/unshare': 'util-linux',
  '/usr/bin/zsh': 'zsh',
  '/usr/bin/fish': 'fish',
  '/usr/bin/ansible': 'ansible-core',
};

/** Runs once before all tests: installs missing programs and builds the base image. */
export default async function setup(): Promise<void> {
  if (!canCreateMachines()) return;
  const missing = Object.entries(packages).flatMap(([program, name]) => (existsSync(program) ? [] : [name]));
  if (missing.length > 0) installPackages(missing);
  runBelt('doctor', '--fix');
  runBelt('image', 'build');
  await installMoto();
  await installDockerClient();
  await installVirtualBox();
}

function installPackages(names: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update'], { stdio: 'inherit', env });
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], { stdio: 'inherit', env });
}

function runBelt(...args: string[]): void {
  execFileSync(process.execPath, ['bin/run.js', ...args], { stdio: 'inherit' });
}
