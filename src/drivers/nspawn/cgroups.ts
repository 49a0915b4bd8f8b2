import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, isMissing } from '../../base/errno.js';
import { ExternalError, UserError } from '../../base/errors.js';
import { exists } from '../../base/files.js';
import { waitUntilClear } from '../../base/poll.js';
import { readMounts } from './mounts.js';
import { sendSignal } from './process-identity.js';

/** Machines without systemd use `belt/<id>` in each: in a shared group, guests stop each other. */
interface Hierarchy {
  mount: string;
  kind: 'v2' | 'v1-memory' | 'v1-systemd';
}

export async function findHierarchies(): Promise<Hierarchy[]> {
  const hierarchies: Hierarchy[] = [];
  for (const { type, point, options } of await readMounts()) {
    if (type === 'cgroup2') hierarchies.push({ mount: point, kind: 'v2' });
    if (type === 'cgroup' && options.includes('memory'))
      hierarchies.push({ mount: point, kind: 'v1-memory' });
    if (type === 'cgroup' && options.includes('name=systemd'))
      hierarchies.push({ mount: point, kind: 'v1-systemd' });
  }
  return hierarchies;
}

/** The line that begins with `0::`, see cgroups(7). */
export async function unifiedGroup(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  const path = /^0::(.*)$/m.exec(text)?.[1];
  const mount = (await findHierarchies()).find(({ kind }) => kind === 'v2')?.mount;
  return path === undefined || mount === undefined ? undefined : join(mount, path);
}

/** @returns the files to write a process id to */
export async function createGroups(id: string, memoryMb: number): Promise<string[]> {
  const hierarchies = await findHierarchies();
  for (const { mount, kind } of hierarchies) {
    await mkdir(join(mount, 'belt', id), { recursive: true });
    if (kind === 'v2') await delegateMemory(mount);
  }
  const limit = await limitFile(id);
  if (limit) await writeFile(limit.path, `${memoryMb * 1024 * 1024}`);
  return hierarchies.map(({ mount }) => join(mount, 'belt', id, 'cgroup.procs'));
}

export async function killGroups(id: string): Promise<void> {
  for (const { mount } of await findHierarchies()) {
    const group = join(mount, 'belt', id);
    if (await exists(join(group, 'cgroup.kill'))) await writeFile(join(group, 'cgroup.kill'), '1');
    else await killEach(group);
  }
}

export async function removeGroups(id: string): Promise<void> {
  for (const { mount } of await findHierarchies()) {
    await removeGroup(join(mount, 'belt', id));
    await rmdir(join(mount, 'belt')).catch(() => undefined);
  }
}

export async function memoryControl(): Promise<'v1' | 'v2' | undefined> {
  for (const { mount, kind } of await findHierarchies()) {
    if (kind === 'v1-memory') return 'v1';
    if (kind === 'v2' && (await readWords(join(mount, 'cgroup.controllers'))).includes('memory')) return 'v2';
  }
  return undefined;
}

/** Checks the usage, as cgroup v2 kills processes to get below a new limit. @throws UserError */
export async function changeLimit(limit: LimitFile, memoryMb: number): Promise<void> {
  const bytes = memoryMb * 1024 * 1024;
  const used = await neededBytes(limit);
  if (used > bytes) throw memoryInUseError(used, memoryMb);
  try {
    await writeFile(limit.path, String(bytes));
  } catch (error) {
    if (hasCode(error, 'EBUSY')) throw memoryInUseError(used, memoryMb);
    throw error;
  }
}

export interface LimitFile {
  path: string;
  usage: string;
  stat: string;
}

export async function limitFile(id: string): Promise<LimitFile | undefined> {
  for (const { mount, kind } of await findHierarchies()) {
    const group = join(mount, 'belt', id);
    const limit = kind === 'v1-memory' ? limitFileV1(group) : limitFileV2(group);
    if (await exists(limit.path)) return limit;
  }
  return undefined;
}

export function limitFileV2(group: string): LimitFile {
  return {
    path: join(group, 'memory.max'),
    usage: join(group, 'memory.current'),
    stat: join(group, 'memory.stat'),
  };
}

function limitFileV1(group: string): LimitFile {
  return {
    path: join(group, 'memory.limit_in_bytes'),
    usage: join(group, 'memory.usage_in_bytes'),
    stat: join(group, 'memory.stat'),
  };
}

/** Without the page cache, which the kernel drops on demand. */
async function neededBytes({ usage, stat }: LimitFile): Promise<number> {
  const text = await readFile(stat, 'utf8');
  const counter = (name: string) =>
    Number(
      new RegExp(`^total_${name} (\\d+)$`, 'm').exec(text)?.[1] ??
        new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ??
        0,
    );
  return Number(await readFile(usage, 'utf8')) - counter('inactive_file') - counter('active_file');
}

async function delegateMemory(mount: string): Promise<void> {
  for (const group of [mount, join(mount, 'belt')]) {
    await writeFile(join(group, 'cgroup.subtree_control'), '+memory').catch(() => undefined);
  }
}

async function killEach(group: string): Promise<void> {
  for (const child of await childGroups(group)) await killEach(join(group, child));
  for (const pid of await readWords(join(group, 'cgroup.procs'))) {
    if (Number(pid) > 1) sendSignal(Number(pid), 'SIGKILL');
  }
}

async function removeGroup(group: string): Promise<void> {
  for (const child of await childGroups(group)) await removeGroup(join(group, child));
  const findObstacle = async () => ((await removeEmpty(group)) ? undefined : group);
  const timeoutError = () => new ExternalError(`processes remain in the control group ${group}`);
  await waitUntilClear(findObstacle, { timeoutMs: 5_000, intervalMs: 20 }, timeoutError);
}

async function childGroups(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function removeEmpty(group: string): Promise<boolean> {
  try {
    await rmdir(group);
    return true;
  } catch (error) {
    return isMissing(error);
  }
}

async function readWords(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8').catch(() => '')).trim().split(/\s+/);
}

function memoryInUseError(usedBytes: number, memoryMb: number): UserError {
  const usedMb = Math.ceil(usedBytes / 1024 / 1024);
  return new UserError(`the machine uses ${usedMb} MB, more than ${memoryMb} MB`, {
    hint: 'stop the machine first, or choose a larger size',
  });
}
