import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one of the same id. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot: field 22 of /proc/PID/stat, proc_pid_stat(5). */
  startTime: string;
  bootId: string;
}

/** Reads what the launcher wrote: its own /proc/PID/stat, then the kernel's boot id. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [stat = '', bootId = ''] = text.split('\n');
  const parsed = parseStat(stat);
  return parsed && { pid: parsed.pid, startTime: parsed.startTime, bootId };
}

export async function readIdentity(path: string): Promise<ProcessIdentity | undefined> {
  return parseIdentity(await readFile(path, 'utf8').catch(() => ''));
}

/** Whether it still runs; also answered for another user's processes. */
export async function isAlive({ pid, startTime, bootId }: ProcessIdentity): Promise<boolean> {
  if ((await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim() !== bootId) return false;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return isHidden(pid);
  const stat = parseStat(text);
  return stat !== undefined && stat.startTime === startTime && !'ZX'.includes(stat.state);
}

/** Waits for its end; false when the time is up. */
export async function waitForEnd(identity: ProcessIdentity, waitMs: number): Promise<boolean> {
  const deadline = Date.now() + waitMs;
  while (await isAlive(identity)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/** A process that is gone by now is no error. */
export function sendSignal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** Where /proc is mounted with hidepid, a plain user sees no other's processes, but learns that the id is taken. */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/** The second field is the program's name in brackets and may itself hold blanks and brackets. */
function parseStat(text: string): { pid: number; state: string; startTime: string } | undefined {
  const [, pid, rest] = /^(\d+) \(.*\) (.+)$/s.exec(text.trim()) ?? [];
  const fields = rest?.split(' ') ?? [];
  const [state] = fields;
  const startTime = fields[22 - 3];
  if (pid === undefined || state === undefined || startTime === undefined) return undefined;
  return { pid: Number(pid), state, startTime };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
