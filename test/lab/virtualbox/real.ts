import { execFile, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { virtualBoxFolder } from './install.js';

export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Bypasses Debian's wrapper. */
const program = '/usr/lib/virtualbox/VBoxManage';

/**
 * The mounts are in their own namespace and disappear with the program. The test's folder has the
 * same path inside.
 */
const enter = `set -e
root=$1 folder=$2; shift 2
mkdir -p "$folder/tmp/\${folder#/tmp/}"
mount -t proc proc "$root/proc"
mount --bind "$folder/tmp" "$root/tmp"
mount --bind "$folder" "$root$folder"
exec env -i PATH=/usr/bin:/bin HOME=/root LC_ALL=C VBOX_USER_HOME="$folder/home" VBOX_IPC_SOCKETID=lab \\
  /usr/sbin/chroot "$root" "$@"`;

/**
 * Runs a program next to the real VirtualBox.
 * @param folder the test's folder in /tmp, which contains VirtualBox's settings and all files
 */
export function inVirtualBox(folder: string, program: string, args: readonly string[]): Promise<Answer> {
  return new Promise((done) => {
    const options = { maxBuffer: 64 * 1024 * 1024 };
    execFile('unshare', [...unshared(folder), program, ...args], options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0;
      done({ code, stdout, stderr });
    });
  });
}

/**
 * Starts a client of VirtualBox's server that stays connected, as the process of a running VM does,
 * so that the server keeps running.
 * @returns a function that stops it
 */
export function keepServerRunning(folder: string, uuid: string): () => void {
  const words = [
    ...unshared(folder),
    program,
    'guestproperty',
    'wait',
    uuid,
    'never',
    '--timeout',
    '3600000',
  ];
  const child = spawn('unshare', words, { stdio: 'ignore' });
  return () => void child.kill();
}

function unshared(folder: string): string[] {
  return ['--mount', '--propagation', 'private', 'sh', '-c', enter, 'lab', virtualBoxFolder, folder];
}

export function realVBoxManage(folder: string, args: readonly string[]): Promise<Answer> {
  return inVirtualBox(folder, program, args);
}

/**
 * VirtualBox's server exits some seconds after the last call. Waits for that, so that it no longer
 * writes to the folder.
 */
export async function waitForServerExit(folder: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const pids = await processesOf(folder);
    if (pids.length === 0) return;
    if (Date.now() > deadline) for (const pid of pids) process.kill(pid);
    await sleep(200);
  }
}

async function processesOf(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const own = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(join('/proc', pid, 'environ'), 'utf8').catch(() => '');
      return text.includes(`VBOX_USER_HOME=${folder}/home`) ? [Number(pid)] : [];
    }),
  );
  return own.flat();
}
