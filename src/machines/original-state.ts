import { join } from 'node:path';
import * as z from 'zod/mini';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { ExternalError, UserError } from '../base/errors.js';
import { quoteArgs } from '../base/quote-args.js';
import { readRecord, writeRecord } from '../base/record-file.js';
import { newMark, surveyMachine } from '../engine/gather-facts.js';
import { sysctlPath } from '../engine/model/engine-paths.js';
import { engineFolders, managedFiles, sharedFiles } from '../engine/model/managed-files.js';
import { runAsRoot } from '../engine/root-shell.js';
import { runScriptUnchecked } from '../engine/run-script.js';
import type { Connection } from '../ssh/index.js';
import type { Machine } from './model/machine.js';

/**
 * The state of a server before belt first changed it, in `adopted.json` of the machine's folder;
 * `belt rm` restores it. Like the rest of the folder, the file may contain secrets.
 */

const originalState = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      /** Octal. */
      mode: z.string(),
      uid: z.number(),
      gid: z.number(),
      /** Base64. */
      content: z.string(),
    }),
  ),
  /** `target` in base64. */
  links: z.array(z.object({ path: z.string(), target: z.string() })),
  folders: z.array(z.string()),
  units: z.array(z.object({ name: z.string(), active: z.string(), enabled: z.string() })),
  kernel: z.array(z.object({ key: z.string(), value: z.string() })),
  /** Running ones, except those of a swarm, which starts its own again. */
  containers: z.array(z.string()),
  /** The node id in the server's swarm; empty without a swarm. */
  swarmNode: z.optional(z.string()),
});
export type OriginalState = z.infer<typeof originalState>;

export async function hasOriginalState(name: string, context: Context): Promise<boolean> {
  return (await readOriginalState(name, context)) !== undefined;
}

export function readOriginalState(name: string, { cluster }: Context): Promise<OriginalState | undefined> {
  return readRecord(recordPath(name, { cluster }), originalState, 'the record of how a server was found');
}

/** Does nothing when the state is already recorded. */
export async function saveOriginalState(
  { name }: Machine,
  connection: Connection,
  context: Context,
): Promise<void> {
  if (await hasOriginalState(name, context)) return;
  const original = await captureOriginalState(name, connection, context);
  await writeRecord(recordPath(name, context), original, context.cluster.files);
}

/** Changes nothing. @throws ExternalError, UserError, AbortError */
export async function captureOriginalState(
  name: string,
  connection: Connection,
  context: Context,
): Promise<OriginalState> {
  const mark = newMark();
  const { templates } = context;
  const sysctl = await templates.render('engine/sysctl.conf');
  const text = await templates.render('adopt/found.sh', {
    prelude: await templates.render('engine/prelude.sh', { mark }),
    mark,
    files: quoteArgs(managedFiles),
    folders: quoteArgs(engineFolders),
    kernel: quoteArgs(sysctl.match(/^[a-z0-9_.]+(?= =)/gm) ?? []),
  });
  const { facts, password } = await surveyMachine(connection, context);
  const lines: string[] = [];
  await runAsRoot(connection, {
    text,
    access: facts.access,
    ...(password !== undefined && { password }),
    timeoutMs: 60_000,
    signal: context.signal,
    onLine: (line) => lines.push(line),
  });
  return parseOriginalState(name, lines.map((line) => `${line}\n`).join(''), mark);
}

/**
 * Keeps what others have changed in files that belt shares with them.
 * @throws UserError for such a file that cannot be parsed; ExternalError with what remains
 */
async function restoreFromRecord(
  machine: Machine,
  state: OriginalState,
  connection: Connection,
  step: Step,
  context: Context,
): Promise<void> {
  const survey = await surveyMachine(connection, context);
  const restored = restoreSharedFiles(machine.name, state, survey.facts.files, context);
  const values = { steps: restoreSteps(state, restored).join('\n') };
  const script = { template: 'adopt/restore.sh', values, step, timeoutMs: 300_000 };
  const { outputs, stderr } = await runScriptUnchecked(connection, script, survey, context);
  if (outputs.has('done')) return;
  const why = outputs.get('failed')?.[0] ?? (stderr.trim() || 'the script stopped early');
  throw new ExternalError(`${machine.name}: could not restore everything: ${why}`, {
    hint: `belt rm --keep-engine-config, to leave the server as it is; its original state is in ${recordPath(machine.name, context)}`,
  });
}

/** Does nothing for machines without a recorded original state. @throws UserError, ExternalError */
export async function restoreOriginalState(machine: Machine, step: Step, context: Context): Promise<void> {
  const original = await readOriginalState(machine.name, context);
  if (!original) return;
  step('restoring the original configuration');
  await restoreFromRecord(machine, original, await login(machine, context), step, context);
}

async function login(machine: Machine, context: Context): Promise<Connection> {
  const ssh = await context.ssh();
  try {
    return await ssh.connect(sshTarget(machine), { signal: context.signal });
  } catch (error) {
    if (!(error instanceof ExternalError)) throw error;
    throw new UserError(`could not remove belt's changes from the server: ${error.message}`, {
      hint: `rerun when the server is back, or remove only the record: belt rm -f ${machine.name}`,
      cause: error,
    });
  }
}

/** A file that belt shares with others. */
interface RestoredFile {
  path: string;
  /** Undefined: remove the file. */
  text?: string;
}

/** The files without belt's changes. Warns of what both belt and others have changed. */
function restoreSharedFiles(
  name: string,
  original: OriginalState,
  current: ReadonlyMap<string, string>,
  { reporter }: Context,
): RestoredFile[] {
  const before = new Map(
    original.files.map(({ path, content }) => [path, Buffer.from(content, 'base64').toString()]),
  );
  return sharedFiles.flatMap(({ path, leave }) => {
    const { text, conflicts } = leave(before, current);
    for (const key of conflicts) {
      reporter.warn(`${name}: "${key}" in ${path} was changed after belt changed it; leaving it as it is`);
    }
    return text === current.get(path) ? [] : [{ path, ...(text !== undefined && { text }) }];
  });
}

export function restoreSteps(original: OriginalState, restored: readonly RestoredFile[]): string[] {
  const { files, links, folders, units, kernel, swarmNode } = original;
  const existing = new Set([...files, ...links, ...sharedFiles].map(({ path }) => path));
  const lines = [
    ...restored.flatMap((file) => sharedFileLines(file, original)),
    ...files.filter(isOwnFile).map(fileLine),
    ...links.filter(isOwnFile).map(linkLine),
  ];
  const added = managedFiles.filter((path) => !existing.has(path));
  return [
    ...(swarmNode === undefined ? [] : [quoteArgs(['leave_swarm', swarmNode])]),
    ...lines.map(quoteArgs),
    ...kernel.map(kernelLine),
    ...added.map((path) => quoteArgs(['absent', path])),
    ...engineFolders.filter((path) => !folders.includes(path)).map((path) => quoteArgs(['no_folder', path])),
    ...serviceSteps(units),
  ];
}

/** Restores owner and mode. A file of an engine that belt installed keeps its current ones. */
function sharedFileLines({ path, text }: RestoredFile, { files, links }: OriginalState): string[][] {
  if (text === undefined) return [['absent', path]];
  const content = Buffer.from(text).toString('base64');
  const file = files.find((original) => original.path === path);
  if (file) return [fileLine({ ...file, content })];
  const link = links.find((original) => original.path === path);
  return [...(link ? [linkLine(link)] : []), ['content', path, content]];
}

function fileLine({ path, mode, uid, gid, content }: OriginalState['files'][number]): string[] {
  return ['file', path, mode, String(uid), String(gid), content];
}

function linkLine({ path, target }: OriginalState['links'][number]): string[] {
  return ['link', path, target];
}

function isOwnFile({ path }: { path: string }): boolean {
  return !sharedFiles.some((shared) => shared.path === path);
}

/** Only if belt has set it, since others may have too. */
function kernelLine({ key, value }: OriginalState['kernel'][number]): string {
  return `[ ! -e ${sysctlPath} ] || ${quoteArgs(['sysctl', '-q', '-w', `${key}=${value}`])}`;
}

function serviceSteps(units: OriginalState['units']): string[] {
  const state = (name: string) => units.find((unit) => unit.name === name);
  const openrc = state('docker');
  if (openrc) {
    return [
      ...(openrc.enabled === 'enabled' ? [] : ['rc-update -q del docker default 2>/dev/null']),
      openrc.active === 'active'
        ? ifChanged("restart 'rc-service docker restart'")
        : 'rc-service -q docker stop',
    ];
  }
  const service = state('docker.service');
  const socket = state('docker.socket');
  if (!service) return [ifChanged("restart '/etc/init.d/docker restart'")];
  const states = [service, socket].flatMap((unit) =>
    unit && unit.enabled !== '' && unit.enabled !== 'not-found'
      ? [quoteArgs(['enabled', unit.name, unit.enabled])]
      : [],
  );
  // An engine that belt installed stays and keeps running.
  const running = service.active === 'active' || service.enabled === 'not-found' || service.enabled === '';
  const restart =
    'systemctl reset-failed docker.service docker.socket 2>/dev/null; systemctl restart docker.service';
  return [
    'systemctl daemon-reload',
    ...states,
    ...(running
      ? [ifChanged(`restart ${quoteArgs([restart])}`)]
      : ['systemctl stop docker.socket docker.service 2>/dev/null']),
    ...(socket?.active === 'active' ? ['systemctl start docker.socket'] : []),
  ];
}

function ifChanged(line: string): string {
  return `[ -z "$changed" ] || ${line}`;
}

/** Parses the output of found.sh. @throws ExternalError when it is missing or incomplete */
export function parseOriginalState(name: string, output: string, mark: string): OriginalState {
  const [, encoded] = new RegExp(`^${mark} begin\\s*\\n([\\s\\S]*?)^${mark} end`, 'm').exec(output) ?? [];
  if (encoded === undefined) throw new ExternalError(`${name} returned an unexpected response`);
  const lines = Buffer.from(encoded, 'base64').toString().split('\n');
  const linesOf = (kind: string) =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1).split(' '));
  return {
    files: linesOf('file').map(([path = '', mode = '', uid, gid, content = '']) => {
      return { path, mode, uid: Number(uid), gid: Number(gid), content };
    }),
    links: linesOf('link').map(([path = '', target = '']) => ({ path, target })),
    folders: linesOf('folder').map(([path = '']) => path),
    units: linesOf('unit').map(([unit = '', active = '', enabled = '']) => ({ name: unit, active, enabled })),
    kernel: linesOf('kernel').flatMap(([key = '', value]) => (value ? [{ key, value }] : [])),
    containers: linesOf('container').map(([id = '']) => id),
    swarmNode: linesOf('swarm')[0]?.[0] ?? '',
  };
}

function recordPath(name: string, { cluster }: Pick<Context, 'cluster'>): string {
  return join(cluster.machineFolder(name), 'adopted.json');
}
