import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecaError, execa } from 'execa';
import { AbortError, ExternalError, UserError } from '../../base/errors.js';
import { withLock } from '../../base/file-lock.js';
import { retry } from '../../base/poll.js';
import { mebibyte, sizeError } from '../../base/size-limit.js';

export class VBoxError extends ExternalError {
  /** Stable between versions, unlike messages: `VBOX_E_OBJECT_NOT_FOUND`. */
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

interface CallOptions {
  /** Ends the program; only for calls that can be repeated. */
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** VBoxManage 6.1 to 7.2. */
export interface VBoxManage {
  /** @throws VBoxError when it fails, UserError when it is not installed, AbortError on `signal` */
  run(args: readonly string[], options?: CallOptions): Promise<string>;
  /** For calls that lock a VM (changes, `showvminfo`): one at a time, retried while it is locked. */
  onVm(uuid: string, args: readonly string[]): Promise<string>;
}

/** Longer than any call that does not convert a disk should take. */
const callMs = 120_000;
/** How long another program may keep a VM locked (VirtualBox Manager while it saves). */
const lockedMs = 15_000;
/** How long VirtualBox's server may take to restart; a call gives up on it after 10 s. */
const restartMs = 60_000;

/** What Debian's wrapper and VBoxManage print on stdout when the kernel module is missing. */
const moduleWarning =
  /^\s*WARNING: The (?:character device|vboxdrv kernel module)[\s\S]*?until this problem is fixed\.\r?\n?/;

export function openVBoxManage(installPath: string | undefined): VBoxManage {
  const program = installPath === undefined ? 'VBoxManage' : join(installPath, 'VBoxManage');
  const run: VBoxManage['run'] = (args, options) =>
    retry(() => call(program, args, options), {
      isRetryable: isUnreachable,
      timeoutMs: restartMs,
      intervalMs: 100,
    });
  return {
    run,
    onVm(uuid, args) {
      const whenFree = () =>
        retry(() => run(args), { isRetryable: isLocked, timeoutMs: lockedMs, intervalMs: 100 });
      // Two calls for one VM can deadlock VirtualBox's server (7.2), so other belts wait too.
      const path = join(tmpdir(), `belt-vm-${uuid}.lock`);
      return withLock(path, { what: `the VM ${uuid}`, waitMs: callMs }, whenFree);
    },
  };
}

export function withoutWarning(stdout: string): string {
  return stdout.replace(moduleWarning, '');
}

export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof VBoxError && error.code !== undefined && codes.includes(error.code);
}

/** The first error on stderr and its code; stderr also contains progress and other output. */
export function parseError(stderr: string): { text: string; code: string | undefined } {
  const lines = [...stderr.matchAll(/VBoxManage(?:\.exe)?: error: (.*)/g)].map(([, line = '']) =>
    line.trim(),
  );
  const text = lines.filter((line) => !/^(Details|Context): /.test(line)).join(' ');
  const code = /\bcode (\w+)/.exec(lines.find((line) => line.startsWith('Details: ')) ?? '')?.[1];
  const bare = /\b((?:VBOX_)?E_\w+|NS_ERROR_\w+)\b/.exec(stderr)?.[1];
  return { text: text || stderr.trim().split(/\r?\n/).at(-1) || '', code: code ?? bare };
}

/** Characters, of each stream. */
const maxOutputBytes = 4 * mebibyte;

async function call(program: string, args: readonly string[], options: CallOptions = {}): Promise<string> {
  try {
    const { stdout } = await execa(program, args, {
      env: { LC_ALL: 'C' },
      stdin: 'ignore',
      // Ctrl-C reaches only belt, which decides what to end.
      detached: process.platform !== 'win32',
      cleanup: true,
      maxBuffer: maxOutputBytes,
      timeout: options.timeoutMs ?? callMs,
      ...(options.signal && { cancelSignal: options.signal }),
    });
    return withoutWarning(stdout);
  } catch (error) {
    if (error instanceof ExecaError) throw vboxError(args, error);
    throw error;
  }
}

function vboxError(args: readonly string[], error: ExecaError): Error {
  if (error.isCanceled) return new AbortError();
  if (error.code === 'ENOENT' || error.code === 'EACCES') {
    return new UserError('VBoxManage was not found', {
      hint: 'install VirtualBox (https://www.virtualbox.org), or set its folder: --virtualbox-install-path FOLDER',
      cause: error,
    });
  }
  const what = `VBoxManage ${args.join(' ').slice(0, 200)}`;
  if (error.isMaxBuffer) return sizeError(`the output of ${what}`, maxOutputBytes);
  if (error.timedOut)
    return new ExternalError(
      `${what} did not finish within ${Math.round((error.durationMs ?? 0) / 1000)} s`,
      {
        hint: 'end VBoxSVC if other calls of VBoxManage hang too, then rerun the same command',
        cause: error,
      },
    );
  const { text, code } = parseError(String(error.stderr ?? ''));
  return new VBoxError(`${what}: ${text || `exit code ${error.exitCode}`}`, code, error);
}

/** VirtualBox's server exits some seconds after the last call; a call at that moment fails. */
function isUnreachable(error: unknown): boolean {
  return error instanceof VBoxError && error.message.includes('Failed to create the VirtualBox object');
}

/** A lock that another program holds, requests or releases; messages of MachineImpl.cpp. */
function isLocked(error: unknown): boolean {
  if (!(error instanceof VBoxError)) return false;
  if (error.code === 'VBOX_E_INVALID_OBJECT_STATE' && /lock/i.test(error.message)) return true;
  return /was unlocked unexpectedly|assign the machine to the session|object is not ready/.test(
    error.message,
  );
}
