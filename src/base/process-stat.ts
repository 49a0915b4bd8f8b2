import { readFile } from 'node:fs/promises';
import { hasCode } from './errno.js';

/** One line of `/proc/PID/stat`. @see proc_pid_stat(5) */
interface ProcessStat {
  pid: number;
  state: string;
  /** Clock ticks since boot; with the pid, it identifies a process until the next boot. */
  startTime: string;
}

/** The second field is the program's name in parentheses, which may contain both. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const [, pid, rest] = /^(\d+) \(.*\) (.+)$/s.exec(text.trim()) ?? [];
  const fields = rest?.split(' ') ?? [];
  const [state] = fields;
  const startTime = fields[22 - 3];
  if (pid === undefined || state === undefined || startTime === undefined) return undefined;
  return { pid: Number(pid), state, startTime };
}

/** @returns undefined if the process does not exist or is hidden, or without /proc */
export async function readProcessStat(pid: number): Promise<ProcessStat | undefined> {
  return parseProcessStat(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
}

/** What distinguishes a running process from all others of this computer, in files that outlive it. */
export interface RecordedProcess {
  pid: number;
  /** As its system counts it; undefined without /proc. */
  startTime?: string | undefined;
  /** Undefined without /proc, and in files of an earlier belt. */
  bootId?: string | undefined;
}

export async function ownProcess(): Promise<RecordedProcess> {
  const { pid } = process;
  const startTime = (await readProcessStat(pid))?.startTime;
  const bootId = await readBootId();
  return { pid, ...(startTime !== undefined && { startTime }), ...(bootId !== undefined && { bootId }) };
}

async function readBootId(): Promise<string | undefined> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** Also true for a process of another user. */
export function isPidInUse(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

/** A reused pid does not count: its process started at another time, or after another boot. */
export async function isProcessAlive({ pid, startTime, bootId }: RecordedProcess): Promise<boolean> {
  if (!isPidInUse(pid)) return false;
  if (bootId !== undefined && bootId !== (await readBootId())) return false;
  const stat = await readProcessStat(pid);
  return stat === undefined || startTime === undefined || stat.startTime === startTime;
}
