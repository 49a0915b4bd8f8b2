import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, run } from './host-program.js';

/** Kernel modules that engines need and machines cannot load, as they lack /lib/modules. */
const modules = ['overlay', 'br_netfilter', 'vxlan', 'ip_vs'];

/** Guests share root's limits: about 27 of them use up Debian's 128 inotify instances. */
const limits: Readonly<Record<string, number>> = {
  'fs/inotify/max_user_instances': 8192,
  'fs/inotify/max_user_watches': 1048576,
  'kernel/keys/maxkeys': 20000,
  'kernel/keys/maxbytes': 2000000,
  'net/ipv4/neigh/default/gc_thresh1': 30000,
  'net/ipv4/neigh/default/gc_thresh2': 32000,
  'net/ipv4/neigh/default/gc_thresh3': 32768,
};

const limitsThreshold = 20;

/** Values are only ever raised. */
export async function prepareKernel(machines: number): Promise<void> {
  await raiseSysctl('net/ipv4/ip_forward', 1);
  if (machines <= limitsThreshold) return;
  for (const [name, value] of Object.entries(limits)) await raiseSysctl(name, value);
}

/** modprobe may fail: a module may be built in, and Docker reports what is missing. */
export async function loadModules(): Promise<void> {
  if (await findProgram('modprobe'))
    await run('modprobe', ['--all', '--quiet', ...modules]).catch(() => undefined);
}

async function raiseSysctl(name: string, value: number): Promise<void> {
  const path = join('/proc/sys', name);
  const current = Number(await readFile(path, 'utf8').catch(() => Number.NaN));
  if (current < value) await writeFile(path, String(value));
}
