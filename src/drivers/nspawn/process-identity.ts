import { readFile } from 'node:fs/promises';
import { hasCode } from '../../base/errno.js';
import { Pending, poll } from '../../base/poll.js';
import { isPidInUse, parseProcessStat, readProcessStat } from '../../base/process-stat.js';

/** Distinguishes a process from a later one with the same id. */
export interface ProcessIdentity {
  pid: number;
  startTime: string;
  bootId: string;
}

/** Written by the launcher: its own /proc/PID/stat, then the kernel's boot id. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [stat = '', bootId = ''] = text.split('\n');
  const parsed = parseProcessStat(stat);
  return parsed && { pid: parsed.pid, startTime: parsed.startTime, bootId };
}

export async function readIdentity(path: string): Promise<ProcessIdentity | undefined> {
  return parseIdentity(await readFile(path, 'utf8').catch(() => ''));
}

export async function isAlive({ pid, startTime, bootId }: ProcessIdentity): Promise<boolean> {
  if ((await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim() !== bootId) return false;
  const stat = await readProcessStat(pid);
  // With hidepid, /proc hides processes of other users, but the id is in use.
  if (!stat) return isPidInUse(pid);
  return stat.startTime === startTime && !'ZX'.includes(stat.state);
}

export async function waitForEnd(identity: ProcessIdentity, waitMs: number): Promise<boolean> {
  const check = async () => ((await isAlive(identity)) ? new Pending('it runs') : true);
  return poll<boolean>(check, { timeoutMs: waitMs, intervalMs: 20, onTimeout: () => false });
}

/** A process that has already ended is not an error. */
export function sendSignal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
