import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { UserError } from '../base/errors.js';
import { type FileOwner, isExecutable } from '../base/files.js';

/** The only file that reads the process's environment; all others receive these values. */
export interface Environment {
  variables: Variables;
  /** Absolute. */
  cwd: string;
  /** The home folder of the user who typed the command: not root's under sudo. */
  home: string;
  /** That user's login name, if known. */
  user?: string;
  platform: NodeJS.Platform;
  /** The effective user; undefined on Windows. */
  uid?: number;
  isRoot: boolean;
  /** The caller of sudo. */
  sudo?: FileOwner;
  /** The SSH agent's. */
  sshAgentSocket?: string;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** @throws UserError when the current folder does not exist */
export function readEnvironment(): Environment {
  const variables = process.env;
  const uid = process.geteuid?.();
  const isRoot = uid === 0;
  const sudo = isRoot ? sudoCaller(variables) : undefined;
  const account = sudo && accountOf(sudo.uid);
  const user = account?.name ?? (sudo ? variables['SUDO_USER'] : currentUser());
  const sshAgentSocket = variables['SSH_AUTH_SOCK'];
  return {
    variables,
    cwd: currentFolder(),
    home: account?.home ?? homedir(),
    ...(user && { user }),
    platform: process.platform,
    ...(uid !== undefined && { uid }),
    isRoot,
    ...(sudo && { sudo }),
    ...(sshAgentSocket && { sshAgentSocket }),
  };
}

/** One decision for the whole program. @see https://no-color.org and https://force-color.org */
export function hasColors(
  { isTTY = false }: { isTTY?: boolean },
  { NO_COLOR, FORCE_COLOR, TERM }: Variables = process.env,
): boolean {
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTTY && TERM !== 'dumb';
}

/** Also for programs that belt runs. */
export function disableColors(): void {
  process.env['NO_COLOR'] = '1';
}

/** sudo(8) sets both; root calling sudo is just root. */
function sudoCaller({ SUDO_UID, SUDO_GID }: Variables): FileOwner | undefined {
  if (!SUDO_UID || !/^\d+$/.test(SUDO_UID) || Number(SUDO_UID) === 0) return undefined;
  const uid = Number(SUDO_UID);
  return { uid, gid: SUDO_GID && /^\d+$/.test(SUDO_GID) ? Number(SUDO_GID) : uid };
}

/** getent is only needed for accounts elsewhere (LDAP). macOS has neither: HOME stays. */
function accountOf(uid: number): { name: string; home: string } | undefined {
  return findAccount(readPasswd(), uid) ?? findAccount(queryGetent(uid), uid);
}

/** @see passwd(5): name, password, uid, gid, comment, home, shell */
function findAccount(passwd: string, uid: number): { name: string; home: string } | undefined {
  const accounts = passwd.split('\n').map((line) => line.split(':'));
  const [name, , , , , home] = accounts.find((fields) => fields[2] === String(uid)) ?? [];
  return name && home ? { name, home } : undefined;
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}

/** Loaded on demand: the module costs about 2 ms at every start. */
function queryGetent(uid: number): string {
  const { execFileSync } = process.getBuiltinModule('node:child_process');
  try {
    return execFileSync('getent', ['passwd', String(uid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5_000,
    });
  } catch {
    return '';
  }
}

/** userInfo() throws for a uid without an account, as in many containers. */
function currentUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new UserError('the current folder no longer exists', {
      hint: 'cd to another folder',
      cause,
    });
  }
}

/** Searches PATH. @returns undefined when the program is not installed */
export async function findProgram(
  name: string,
  { variables, platform }: Pick<Environment, 'variables' | 'platform'>,
): Promise<string | undefined> {
  const file = platform === 'win32' ? `${name}.exe` : name;
  for (const folder of (variables['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, file);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}
