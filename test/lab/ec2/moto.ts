import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A Debian with the real moto (https://docs.getmoto.org) and the real cloud-init. It is kept
 * between runs.
 */
export const cloudsFolder = '/var/lib/belt-test/clouds';
const folder = cloudsFolder;
const packages = ['python3-moto', 'python3-flask-cors', 'python3-cryptography', 'cloud-init'];

/** Takes one or two minutes, once per computer. */
export async function installMoto(): Promise<void> {
  if (existsSync(folder)) return;
  const building = `${folder}.building-${process.pid}`;
  const run = (...words: string[]) => execFileSync(words[0] ?? '', words.slice(1), { stdio: 'inherit' });
  const mirror = process.env['NSPAWN_MIRROR'] || 'http://deb.debian.org/debian';
  run('mkdir', '-p', dirname(folder));
  run('debootstrap', '--variant=minbase', '--include=python3,ca-certificates', 'trixie', building, mirror);
  // Packages that debootstrap itself installs leave moto half-configured.
  const install = `export DEBIAN_FRONTEND=noninteractive; apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')} && apt-get clean`;
  run('chroot', building, 'sh', '-c', install);
  await rename(building, folder).catch(async (error) => {
    // Another test run installed it first.
    if (!existsSync(folder)) throw error;
    await rm(building, { recursive: true });
  });
}

/** Validates user data with the real cloud-init. @throws Error if cloud-init rejects it */
export async function checkUserData(name: string, text: string): Promise<string> {
  return withFile(name, text, (path) => execute(['cloud-init', 'schema', '-c', path]));
}

/**
 * Merges user data of several parts with the real cloud-init.
 * @returns the resulting cloud-config
 */
export async function mergedConfig(name: string, userData: string): Promise<Record<string, unknown>> {
  const program = await readFile(new URL('merged-config.py', import.meta.url), 'utf8');
  return withFile(name, userData, (path) => JSON.parse(execute(['python3', '-c', program, path])));
}

function execute(words: readonly string[]): string {
  return execFileSync('/usr/sbin/chroot', [folder, ...words], { encoding: 'utf8' });
}

async function withFile<T>(name: string, text: string, use: (path: string) => T): Promise<T> {
  const path = `/tmp/belt-user-data-${process.pid}-${name}`;
  await writeFile(join(folder, path), text);
  try {
    return use(path);
  } finally {
    await rm(join(folder, path), { force: true });
  }
}

export interface Moto {
  url: string;
  stop(): Promise<void>;
}

/** Images named as their publishers do; moto has none of Debian's. */
const images = [
  image('ami-0deb1300000000001', '136693071363', 'debian-13-amd64-20250806-2196', 'x86_64'),
  image('ami-0deb1300000000002', '136693071363', 'debian-13-amd64-20251006-2257', 'x86_64'),
  image('ami-0deb1300000000003', '136693071363', 'debian-13-arm64-20251006-2257', 'arm64'),
  image('ami-0deb1200000000001', '136693071363', 'debian-12-amd64-20251006-2257', 'x86_64'),
  image(
    'ami-0abc2400000000001',
    '099720109477',
    'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251001',
    'x86_64',
  ),
];

function image(id: string, owner: string, name: string, architecture: string) {
  return {
    ami_id: id,
    name,
    owner_id: owner,
    architecture,
    public: true,
    state: 'available',
    virtualization_type: 'hvm',
    hypervisor: 'xen',
    image_type: 'machine',
    root_device_type: 'ebs',
    root_device_name: '/dev/xvda',
    description: name,
  };
}

export async function startMoto(): Promise<Moto> {
  const port = await freePort();
  const amis = `/tmp/belt-amis-${port}.json`;
  await writeFile(join(folder, amis), JSON.stringify(images));
  const child = spawn(
    '/usr/sbin/chroot',
    [folder, '/usr/bin/moto_server', '-H', '127.0.0.1', '-p', String(port)],
    {
      env: { PATH: '/usr/bin:/bin', MOTO_AMIS_PATH: amis, AWS_DEFAULT_REGION: 'us-east-1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let output = '';
  child.stderr.on('data', (chunk) => {
    output = `${output}${chunk}`.slice(-4_000);
  });
  const ended = new Promise<void>((done) => child.on('exit', () => done()));
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 60_000;
  while (!(await fetch(url).catch(() => undefined))) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`moto does not answer: ${output}`);
    await sleep(200);
  }
  return {
    url,
    async stop() {
      child.kill();
      await ended;
      await rm(join(folder, amis), { force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
