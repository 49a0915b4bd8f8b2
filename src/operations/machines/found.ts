import { join } from 'node:path';
import * as z from 'zod/mini';
import { readRecord, writeRecord } from '../../config/record.js';
import { sysctlPath } from '../../engine/paths.js';
import { swarmSysctl } from '../../engine/sysctl.js';
import { engineFolders, engineTraces, sharedTraces } from '../../engine/traces.js';
import { ExternalError } from '../../errors.js';
import type { Machine } from '../../machines/machine.js';
import type { CommandResult, Connection } from '../../ssh/index.js';
import { quoteArgs } from '../../ssh/quote.js';
import type { Context } from '../context.js';
import { newMark, surveyMachine } from '../engine/facts.js';
import { runAsRoot } from '../engine/root-shell.js';

/**
 * How a server was before belt changed it, in `adopted.json` of the machine's folder. It is asked for once, before the first
 * change, and is what `belt rm` puts back. The file may hold secrets of the server's, as all of the folder may.
 */

const foundState = z.object({
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
  /** Those that ran, less a swarm's, which brings its own back. */
  containers: z.array(z.string()),
});
export type FoundState = z.infer<typeof foundState>;

/** Whether belt may have changed anything on the server. */
export async function isTouched(name: string, context: Context): Promise<boolean> {
  return (await readFound(name, context)) !== undefined;
}

export function readFound(name: string, { cluster }: Context): Promise<FoundState | undefined> {
  return readRecord(pathOf(name, { cluster }), foundState, 'the record of how a server was found');
}

/**
 * Looks at the server, and writes down how it was found unless that was done before.
 * @returns the containers that run now, and those that ran before an earlier, interrupted try
 */
export async function rememberFound(
  { name }: Machine,
  connection: Connection,
  context: Context,
): Promise<string[]> {
  const now = await lookAround(name, connection, context);
  const before = await readFound(name, context);
  if (!before) await writeRecord(pathOf(name, context), now, context.cluster.files);
  return [...new Set([...(before?.containers ?? []), ...now.containers])];
}

/** Changes nothing, there or here. @throws ExternalError, UserError, AbortError */
export async function lookAround(
  name: string,
  connection: Connection,
  context: Context,
): Promise<FoundState> {
  const mark = newMark();
  const script = await context.templates.render('adopt/found.sh', {
    mark,
    files: quoteArgs(engineTraces),
    folders: quoteArgs(engineFolders),
    kernel: quoteArgs(kernelKeys),
    containerFormat: quoteArgs([containerFormat]),
  });
  const { stdout } = await asRoot(connection, script, 60_000, context);
  return parseFound(name, stdout, mark);
}

/** A restart of the engine stops containers that have no restart policy. Those that do not run again are told of. */
export async function wakeContainers(
  containers: readonly string[],
  connection: Connection,
  context: Context,
): Promise<void> {
  if (containers.length === 0) return;
  const command = `docker start ${quoteArgs(containers)} >/dev/null`;
  const { code, stderr } = await asRoot(connection, command, 60_000, context);
  if (code === 0) return;
  context.reporter.warn(`${connection.target.name}: not all containers run again: ${stderr.trim()}`);
}

/** Puts the server back as it was found. @throws ExternalError with what could not be put back */
export async function restoreFound(
  machine: Machine,
  state: FoundState,
  connection: Connection,
  context: Context,
): Promise<void> {
  const mark = newMark();
  const script = await context.templates.render('adopt/restore.sh', {
    mark,
    steps: restoreSteps(state).join('\n'),
    containerFormat: quoteArgs([containerFormat]),
  });
  const { stdout, stderr } = await asRoot(connection, script, 120_000, context);
  const answers = new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const [first, word, text = ''] = line.split(' ');
      return first === mark && word !== undefined ? [[word, Buffer.from(text, 'base64').toString()]] : [];
    }),
  );
  if (answers.has('done')) return;
  const why = answers.get('failed') ?? (stderr.trim() || 'the script broke off');
  throw new ExternalError(`${machine.name}: not all could be put back as it was found: ${why}`, {
    hint: `${pathOf(machine.name, context)} tells how it was; belt rm --keep-engine-config leaves the server as it is`,
  });
}

/**
 * The shell lines of restore.sh that are about this server. Those that look whether belt has changed something come before those that
 * take away the signs of it.
 */
export function restoreSteps({ files, links, folders, units, kernel }: FoundState): string[] {
  const shared = new Map(sharedTraces.map(({ path, copy }) => [path, copy]));
  const there = new Set([...files, ...links].map(({ path }) => path));
  const fileLines = files.map(
    ({ path, mode, uid, gid, content }) =>
      [path, ['file', path, mode, String(uid), String(gid), content]] as const,
  );
  const linkLines = links.map(({ path, target }) => [path, ['link', path, target]] as const);
  const absent = engineTraces.filter((path) => !there.has(path));
  const copyLines = sharedTraces
    .filter(({ path }) => absent.includes(path))
    .map(({ path, copy }) => quoteArgs(['from_copy', path, copy]));
  const absentLines = absent.filter((path) => !shared.has(path)).map((path) => quoteArgs(['absent', path]));
  const onlyIfChanged = (path: string, line: string): string => {
    const copy = shared.get(path);
    return copy === undefined ? line : `if [ -e ${quoteArgs([copy])} ]; then ${line}; fi`;
  };
  return [
    ...[...fileLines, ...linkLines].map(([path, words]) => onlyIfChanged(path, quoteArgs(words))),
    ...copyLines,
    ...kernel.map(kernelLine),
    ...absentLines,
    ...engineFolders.filter((path) => !folders.includes(path)).map((path) => quoteArgs(['no_folder', path])),
    ...serviceSteps(units),
  ];
}

/** Only where belt has set it: somebody else may have, since. */
function kernelLine({ key, value }: FoundState['kernel'][number]): string {
  return `[ ! -e ${sysctlPath} ] || ${quoteArgs(['sysctl', '-q', '-w', `${key}=${value}`])}`;
}

function serviceSteps(units: FoundState['units']): string[] {
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
export function parseFound(name: string, output: string, mark: string): FoundState {
  const [, encoded] = new RegExp(`^${mark} begin\\s*\\n([\\s\\S]*?)^${mark} end`, 'm').exec(output) ?? [];
  if (encoded === undefined) throw new ExternalError(`${name} did not answer what belt asked of it`);
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
  };
}

const containerFormat = '{{.ID}} {{.Label "com.docker.swarm.task.id"}}';

const kernelKeys = [...swarmSysctl.matchAll(/^([a-z0-9_.]+) =/gm)].map(([, key = '']) => key);

async function asRoot(
  connection: Connection,
  text: string,
  timeoutMs: number,
  context: Context,
): Promise<CommandResult> {
  const { facts, password } = await surveyMachine(connection, context);
  const lines: string[] = [];
  const { code, stderr } = await runAsRoot(connection, {
    text,
    access: facts.access,
    ...(password !== undefined && { password }),
    timeoutMs,
    signal: context.signal,
    onLine: (line) => lines.push(line),
  });
  return { code, stdout: lines.map((line) => `${line}\n`).join(''), stderr };
}

function pathOf(name: string, { cluster }: Pick<Context, 'cluster'>): string {
  return join(cluster.machineFolder(name), 'adopted.json');
}
