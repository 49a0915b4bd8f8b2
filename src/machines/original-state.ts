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
import { swarmSysctl } from '../engine/model/engine-plan.js';
import { engineFolders, engineTraces, sharedTraces } from '../engine/model/managed-files.js';
import { runAsRoot } from '../engine/root-shell.js';
import { converse } from '../engine/run-script.js';
import type { Connection } from '../ssh/index.js';
import type { Machine } from './model/machine.js';

/**
 * How a server was before belt changed it, in `adopted.json` of the machine's folder. It is asked for once, before the first
 * change, and is what `belt rm` puts back. The file may hold secrets of the server's, as all of the folder may.
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
  /** Names of those that ran, less a swarm's, which brings its own back. */
  containers: z.array(z.string()),
  /** Its node id in the swarm that it was in; empty: in none. */
  swarmNode: z.optional(z.string()),
});
export type OriginalState = z.infer<typeof originalState>;

/** Whether belt may have changed anything on the server. */
export async function hasOriginalState(name: string, context: Context): Promise<boolean> {
  return (await readOriginalState(name, context)) !== undefined;
}

export function readOriginalState(name: string, { cluster }: Context): Promise<OriginalState | undefined> {
  return readRecord(pathOf(name, { cluster }), originalState, 'the record of how a server was found');
}

/** Looks at the server, and writes down how it was found unless that was done before. */
export async function saveOriginalState(
  { name }: Machine,
  connection: Connection,
  context: Context,
): Promise<void> {
  if (await hasOriginalState(name, context)) return;
  const found = await captureOriginalState(name, connection, context);
  await writeRecord(pathOf(name, context), found, context.cluster.files);
}

/** Changes nothing, there or here. @throws ExternalError, UserError, AbortError */
export async function captureOriginalState(
  name: string,
  connection: Connection,
  context: Context,
): Promise<OriginalState> {
  const mark = newMark();
  const text = await context.templates.render('adopt/found.sh', {
    prelude: await context.templates.render('engine/prelude.sh', { mark }),
    mark,
    files: quoteArgs(engineTraces),
    folders: quoteArgs(engineFolders),
    kernel: quoteArgs(kernelKeys),
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
 * Puts the server back as it was found, less what others have changed in files that are not belt's alone.
 * @throws UserError for such a file that cannot be understood, with nothing changed; ExternalError with what could not be put back
 */
export async function restoreFromRecord(
  machine: Machine,
  state: OriginalState,
  connection: Connection,
  step: Step,
  context: Context,
): Promise<void> {
  const survey = await surveyMachine(connection, context);
  const left = restoreSharedFiles(machine.name, state, survey.facts.files, context);
  const values = { steps: restoreSteps(state, left).join('\n') };
  const script = { template: 'adopt/restore.sh', values, step, timeoutMs: 300_000 };
  const { outputs, stderr } = await converse(connection, script, survey, context);
  if (outputs.has('done')) return;
  const why = outputs.get('failed')?.[0] ?? (stderr.trim() || 'the script stopped early');
  throw new ExternalError(`${machine.name}: could not restore everything: ${why}`, {
    hint: `belt rm --keep-engine-config, to leave the server as it is; its original state is in ${pathOf(machine.name, context)}`,
  });
}

/**
 * Undoes on an adopted server what belt did there. For machines that belt made, and servers that it changed nothing on, there is
 * nothing to undo.
 * @throws UserError, ExternalError when the server cannot be reached, or not all could be put back
 */
export async function restoreOriginalState(machine: Machine, step: Step, context: Context): Promise<void> {
  const found = await readOriginalState(machine.name, context);
  if (!found) return;
  step('restoring the original configuration');
  await restoreFromRecord(machine, found, await login(machine, context), step, context);
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

/** What to do with a file that belt shares with others. */
interface RestoredFile {
  path: string;
  /** Undefined: remove the file. */
  text?: string;
}

/** The files with belt's changes taken out. Warns of what both belt and others have changed. */
function restoreSharedFiles(
  name: string,
  found: OriginalState,
  now: ReadonlyMap<string, string>,
  { reporter }: Context,
): RestoredFile[] {
  const before = new Map(
    found.files.map(({ path, content }) => [path, Buffer.from(content, 'base64').toString()]),
  );
  return sharedTraces.flatMap(({ path, leave }) => {
    const { text, conflicts } = leave(before, now);
    for (const key of conflicts) {
      reporter.warn(`${name}: "${key}" in ${path} was changed after belt changed it; leaving it as it is`);
    }
    return text === now.get(path) ? [] : [{ path, ...(text !== undefined && { text }) }];
  });
}

/** The shell lines of restore.sh that are about this server. */
export function restoreSteps(found: OriginalState, left: readonly RestoredFile[]): string[] {
  const { files, links, folders, units, kernel, swarmNode } = found;
  const there = new Set([...files, ...links, ...sharedTraces].map(({ path }) => path));
  const lines = [
    ...left.flatMap((file) => sharedFileLines(file, found)),
    ...files.filter(isOwnFile).map(fileLine),
    ...links.filter(isOwnFile).map(linkLine),
  ];
  const absent = engineTraces.filter((path) => !there.has(path));
  return [
    ...(swarmNode === undefined ? [] : [quoteArgs(['leave_swarm', swarmNode])]),
    ...lines.map(quoteArgs),
    ...kernel.map(kernelLine),
    ...absent.map((path) => quoteArgs(['absent', path])),
    ...engineFolders.filter((path) => !folders.includes(path)).map((path) => quoteArgs(['no_folder', path])),
    ...serviceSteps(units),
  ];
}

/** With its owner and mode. One that came with an engine which belt installed keeps those that it has. */
function sharedFileLines({ path, text }: RestoredFile, { files, links }: OriginalState): string[][] {
  if (text === undefined) return [['absent', path]];
  const content = Buffer.from(text).toString('base64');
  const file = files.find((found) => found.path === path);
  if (file) return [fileLine({ ...file, content })];
  const link = links.find((found) => found.path === path);
  return [...(link ? [linkLine(link)] : []), ['content', path, content]];
}

function fileLine({ path, mode, uid, gid, content }: OriginalState['files'][number]): string[] {
  return ['file', path, mode, String(uid), String(gid), content];
}

function linkLine({ path, target }: OriginalState['links'][number]): string[] {
  return ['link', path, target];
}

function isOwnFile({ path }: { path: string }): boolean {
  return !sharedTraces.some((shared) => shared.path === path);
}

/** Only where belt has set it: somebody else may have, since. */
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
  // An engine that belt installed stays, and goes on running.
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

/** Reads what found.sh prints. @throws ExternalError when the answer is not there or not whole */
export function parseOriginalState(name: string, output: string, mark: string): OriginalState {
  const [, encoded] = new RegExp(`^${mark} begin\\s*\\n([\\s\\S]*?)^${mark} end`, 'm').exec(output) ?? [];
  if (encoded === undefined) throw new ExternalError(`${name} returned an unexpected answer`);
  const lines = Buffer.from(encoded, 'base64').toString().split('\n');
  const of = (kind: string) =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1).split(' '));
  return {
    files: of('file').map(([path = '', mode = '', uid, gid, content = '']) => {
      return { path, mode, uid: Number(uid), gid: Number(gid), content };
    }),
    links: of('link').map(([path = '', target = '']) => ({ path, target })),
    folders: of('folder').map(([path = '']) => path),
    units: of('unit').map(([unit = '', active = '', enabled = '']) => ({ name: unit, active, enabled })),
    kernel: of('kernel').flatMap(([key = '', value]) => (value ? [{ key, value }] : [])),
    containers: of('container').map(([id = '']) => id),
    swarmNode: of('swarm')[0]?.[0] ?? '',
  };
}

const kernelKeys = [...swarmSysctl.matchAll(/^([a-z0-9_.]+) =/gm)].map(([, key = '']) => key);

function pathOf(name: string, { cluster }: Pick<Context, 'cluster'>): string {
  return join(cluster.machineFolder(name), 'adopted.json');
}
