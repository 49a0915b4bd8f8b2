import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { installMoto } from './ec2/moto.js';
import { canMakeMachines } from './machines.js';
import { installVirtualBox } from './virtualbox/install.js';

/** Debian's packages that tests on real machines need beside what belt itself asks for (`belt doctor --fix`). */
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
};

/** Runs once before all tests: installs what is missing and builds the base image, so that each test finds them. */
export default async function setup(): Promise<void> {
  if (!canMakeMachines()) return;
  const missing = Object.entries(packages).flatMap(([program, name]) => (existsSync(program) ? [] : [name]));
  if (missing.length > 0) installPackages(missing);
  runBelt('doctor', '--fix');
  runBelt('image', 'build');
  await installMoto();
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
