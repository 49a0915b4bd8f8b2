import { readFile, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AbortError, UserError } from '../../base/errors.js';
import { exists } from '../../base/files.js';
import { withSudo } from '../../base/typed-command.js';
import type { Check } from '../driver.js';
import { memoryControl } from './cgroups.js';
import { findProgram, run, systemdRunsComputer } from './host-program.js';
import type { NspawnLayout } from './layout.js';
import { checkRemoved } from './removed-guests.js';

interface Requirement {
  name: string;
  package: string;
  find: () => Promise<string | undefined>;
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A base image takes about 0.7 GB, and as much again while it is built. */
const minFreeBytes = 2 * 1024 ** 3;

const requirements: readonly Requirement[] = [
  ...Object.entries({
    'systemd-nspawn': 'systemd-container',
    debootstrap: 'debootstrap',
    iptables: 'iptables',
    ip: 'iproute2',
    mount: 'mount',
  }).map(([name, packageName]) => ({ name, package: packageName, find: () => findProgram(name) })),
  {
    name: 'debian-archive-keyring',
    package: 'debian-archive-keyring',
    find: async () => ((await exists(keyring)) ? keyring : undefined),
  },
];

export async function checkHost(
  layout: NspawnLayout,
  signal: AbortSignal,
  platform = process.platform,
): Promise<Check[]> {
  if (platform !== 'linux') return [linux(platform)];
  return [
    linux(platform),
    root(),
    ...(await programs(signal)),
    await overlay(),
    await memoryLimit(),
    await freeSpace(layout),
    ...(await checkRemoved(layout)),
  ];
}

export async function requireCapableHost(platform = process.platform): Promise<void> {
  if (platform !== 'linux')
    throw new UserError(`the nspawn driver needs Linux, this is ${platform}`, {
      hint: `belt create -d DRIVER ..., with ${otherDrivers}`,
    });
  requireRoot();
  const missing = (await findMissing()).map(({ name }) => name);
  if (missing.length > 0)
    throw new UserError(`missing: ${missing.join(', ')}`, { hint: withSudo('belt doctor --fix') });
}

export function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new UserError('the nspawn driver needs root to create and change machines', {
    hint: withSudo(),
  });
}

/** Built-in drivers that run on any computer. */
const otherDrivers = 'digitalocean, amazonec2, virtualbox or generic';

function linux(platform: NodeJS.Platform): Check {
  const ok = platform === 'linux';
  return {
    name: 'linux',
    ok,
    detail: ok ? 'this is Linux' : `the nspawn driver needs Linux, this is ${platform}; use ${otherDrivers}`,
  };
}

function root(): Check {
  const ok = process.getuid?.() === 0;
  return {
    name: 'root',
    ok,
    detail: ok ? 'belt runs as root' : `needed to create and change machines: ${withSudo('belt ...')}`,
  };
}

/** The first fix that is called installs all missing packages. */
async function programs(signal: AbortSignal): Promise<Check[]> {
  const missing = (await findMissing()).map((need) => need.package);
  const canInstall = (await findProgram('apt-get')) !== undefined;
  let installation: Promise<void> | undefined;
  const fix = (fixSignal: AbortSignal) => {
    installation ??= install(missing, fixSignal);
    return installation;
  };
  if (signal.aborted) throw new AbortError();
  return Promise.all(
    requirements.map(async ({ name, package: packageName, find }) => {
      const found = await find();
      if (found) return { name, ok: true, detail: found };
      const detail = canInstall
        ? `install the package ${packageName}`
        : `install it (Debian's package is ${packageName})`;
      return { name, ok: false, detail, ...(canInstall ? { fix } : {}) };
    }),
  );
}

async function findMissing(): Promise<Requirement[]> {
  const found = await Promise.all(requirements.map(({ find }) => find()));
  return requirements.filter((_, index) => found[index] === undefined);
}

async function install(packages: readonly string[], signal: AbortSignal): Promise<void> {
  requireRoot();
  const options = { signal, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const apt = (...args: string[]) =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=600', '-q', ...args], options);
  const installAll = () => apt('install', '-y', '--no-install-recommends', ...new Set(packages));
  try {
    await installAll();
  } catch (error) {
    if (error instanceof AbortError) throw error;
    // Usually the package lists are missing or outdated.
    await apt('update');
    await installAll();
  }
}

async function overlay(): Promise<Check> {
  const name = 'overlay file system';
  const known = /^nodev\s+overlay$/m;
  if (known.test(await readFile('/proc/filesystems', 'utf8').catch(() => ''))) {
    return { name, ok: true, detail: 'in the kernel' };
  }
  const loadable = await run('modprobe', ['--dry-run', 'overlay']).then(
    () => true,
    () => false,
  );
  return {
    name,
    ok: loadable,
    detail: loadable ? 'a module of the kernel' : 'not in this kernel; use one that has it',
  };
}

async function memoryLimit(): Promise<Check> {
  const name = 'memory limit';
  const base = { name, optional: true };
  if (await systemdRunsComputer()) return { ...base, ok: true, detail: 'set by systemd' };
  const control = await memoryControl();
  if (control) return { ...base, ok: true, detail: `set through cgroup ${control}` };
  return {
    ...base,
    ok: false,
    detail: 'this computer has no memory controller: machines run without a limit',
  };
}

async function freeSpace({ data }: NspawnLayout): Promise<Check> {
  const { bavail, bsize } = await statfs(await nearestExisting(data));
  const free = bavail * bsize;
  const gigabytes = (free / 1024 ** 3).toFixed(1);
  const ok = free >= minFreeBytes;
  return {
    name: 'free disk space',
    ok,
    detail: ok ? `${gigabytes} GB for ${data}` : `${gigabytes} GB for ${data}: an image requires 2 GB`,
  };
}

async function nearestExisting(path: string): Promise<string> {
  return (await exists(path)) ? path : nearestExisting(dirname(path));
}
