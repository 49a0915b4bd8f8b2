import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UsageError, UserError } from '../base/errors.js';
import type { Machine } from './model/machine.js';
import { unknownMachines } from './model/select-names.js';

/** `[[user@]machine:]path` */
export interface CopyPath {
  /** Undefined: this computer. */
  machine?: Machine;
  user?: string;
  path: string;
}

interface CopyOptions {
  recursive: boolean;
  /** Copy only what differs, with rsync. */
  delta: boolean;
  quiet: boolean;
  /** Without SFTP, as scp worked before OpenSSH 9.0. */
  oldProtocol?: boolean;
}

/** A local program to run in this terminal. */
export interface ProgramCall {
  program: string;
  args: string[];
}

export interface SshProgramCall extends ProgramCall {
  /** Exit codes that may mean that a machine was unreachable. */
  unreachableCodes: readonly number[];
}

/** @throws UserError for a machine that does not exist */
export async function parseCopyPaths(texts: readonly string[], { cluster }: Context): Promise<CopyPath[]> {
  const { machines } = await cluster.machines();
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  return texts.map((text) => parseCopyPath(text, byName));
}

/** As in scp, text before a colon is a machine, unless it contains a slash. */
function parseCopyPath(text: string, machines: ReadonlyMap<string, Machine>): CopyPath {
  const [, user, name, path = ''] = /^(?:([^@/:\\]+)@)?([^@/:\\]+):(.*)$/s.exec(text) ?? [];
  if (name === undefined) return { path: text };
  if (name === 'localhost') return { path };
  const machine = machines.get(name);
  if (!machine) throw unknownMachines([name], [...machines.keys()]);
  return { machine, ...(user !== undefined && { user }), path };
}

export function machinesInPaths(copyPaths: readonly CopyPath[]): Machine[] {
  return [
    ...new Map(copyPaths.flatMap(({ machine }) => (machine ? [[machine.name, machine]] : []))).values(),
  ];
}

/** @param configPath an OpenSSH configuration that has the machines' names as hosts */
export function copyCall(
  copyPaths: readonly CopyPath[],
  { recursive, delta, quiet, oldProtocol = false }: CopyOptions,
  configPath: string,
): SshProgramCall {
  if (copyPaths.length < 2)
    throw new UsageError(`missing argument: ${copyPaths.length === 0 ? 'SOURCE, ' : ''}TARGET`, {
      hint: 'belt scp [[user@]machine:]path [[user@]machine:]path',
    });
  const remote = new Set(copyPaths.flatMap(({ machine }) => machine?.name ?? []));
  const paths = ['--', ...copyPaths.map(formatCopyPath)];
  const flags = [...(recursive ? ['-r'] : []), ...(quiet ? ['-q'] : [])];
  if (!delta)
    return {
      program: 'scp',
      args: [
        '-F',
        configPath,
        ...(oldProtocol ? ['-O'] : []),
        ...(remote.size > 1 ? ['-3'] : []),
        ...flags,
        ...paths,
      ],
      unreachableCodes: [1, 255],
    };
  if (remote.size > 1) {
    throw new UserError(
      `rsync copies between this computer and one machine, not between ${[...remote].join(' and ')}`,
      { hint: 'omit --delta' },
    );
  }
  const progress = quiet ? [] : ['--progress'];
  return {
    program: 'rsync',
    args: [...progress, '-e', `ssh -F ${quoteForRsync(configPath)}`, ...flags, ...paths],
    unreachableCodes: [12, 255],
  };
}

/** When rsync fails: its own message hides that the machine lacks it. @throws UserError */
export async function requireRemoteRsync(machine: Machine, context: Context): Promise<void> {
  const connection = await reach(machine, context);
  const { stdout } = await connection.run('command -v rsync', { signal: context.signal });
  if (stdout.trim() !== '') return;
  const { name, ssh } = machine;
  const sudo = ssh.user === 'root' ? '' : 'sudo ';
  throw new UserError(`rsync is not installed on ${name}`, {
    hint: `belt exec ${name} -- ${sudo}apt-get install -y rsync, or its package manager's command; or omit --delta`,
  });
}

/** @throws UserError for a path on this computer */
export function mountCall(
  { machine, user, path }: CopyPath,
  mountPoint: string,
  configPath: string,
): SshProgramCall {
  if (!machine)
    throw new UserError(`"${path}" is on this computer`, { hint: 'belt mount machine:path mountpoint' });
  return {
    program: 'sshfs',
    args: [
      '-F',
      configPath,
      formatCopyPath({ machine, ...(user && { user }), path }),
      formatCopyPath({ path: mountPoint }),
    ],
    unreachableCodes: [1],
  };
}

/** @param program `fusermount`, or `fusermount3` where only FUSE 3 is installed */
export function unmountCall(mountPoint: string, program: string): ProgramCall {
  return { program, args: ['-u', formatCopyPath({ path: mountPoint })] };
}

/** In rsync's --rsh a quote within quotes is doubled. @see rsync(1) */
function quoteForRsync(word: string): string {
  return `'${word.replaceAll("'", "''")}'`;
}

/** `./` keeps a local path with a colon from looking like a machine's. */
function formatCopyPath({ machine, user, path }: CopyPath): string {
  if (machine) return `${user === undefined ? '' : `${user}@`}${machine.name}:${path}`;
  return /^[^/]*:/.test(path) || path.startsWith('-') ? `./${path}` : path;
}
