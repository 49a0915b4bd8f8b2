import { spawn } from 'node:child_process';
import { open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ExternalError } from '../../base/errors.js';
import { exists } from '../../base/files.js';
import { Pending, poll, retry } from '../../base/poll.js';
import type { Templates } from '../../base/templates.js';
import { createGroups, findHierarchies, unifiedGroup } from './cgroups.js';
import type { GuestRecord } from './guest-records.js';
import { lastLines, programEnvironment, run, systemdRunsComputer, unitOf } from './host-program.js';
import { createMissingFolder, ensureFolder, machineFolder, type NspawnLayout } from './layout.js';
import { isAlive, readIdentity } from './process-identity.js';
import { cleanUp, shutdownMs, switchOff } from './shut-down.js';

const bootMs = 30_000;
/** For the kernel to remove the link of a killed machine. */
const linkTimeoutMs = 5_000;

/**
 * Resolves when the guest's systemd starts its services. Where systemd runs the computer, the
 * machine is one of its units; elsewhere it is a process that outlives belt.
 * @throws ExternalError with the last lines of the log
 */
export async function boot(
  layout: NspawnLayout,
  record: GuestRecord,
  lower: string,
  bridge: string,
  templates: Templates,
): Promise<void> {
  const { id, name, memory } = record;
  const folder = machineFolder(layout, id);
  await cleanUp(layout, id);
  for (const path of [folder.upper, folder.work, folder.root, folder.docker]) await createMissingFolder(path);
  await ensureFolder(layout.run);

  const managed = await systemdRunsComputer();
  const environment = await nspawnEnvironment();
  const script = await templates.render('nspawn/launch.sh');
  const start = async (): Promise<void> => {
    const groups = managed ? [] : await createGroups(id, memory);
    const launch = [
      '--mount',
      '--propagation',
      'slave',
      'sh',
      '-c',
      script,
      'belt-launch',
      folder.process,
      folder.root,
      `lowerdir=${lower},upperdir=${folder.upper},workdir=${folder.work}`,
      ...groups,
      '--',
      ...nspawnCommand(id, name, folder.root, folder.docker, bridge, managed),
    ];
    if (managed) await bootAsUnit(record, launch, environment, folder.log);
    else await bootDetached(layout, id, launch, environment);
  };
  await retry(start, { isRetryable: isStaleLink, timeoutMs: linkTimeoutMs, intervalMs: 100 });
}

/** A message of systemd-nspawn (nspawn-network.c). */
function isStaleLink(error: unknown): boolean {
  return (
    error instanceof ExternalError && /Failed to add new veth interfaces.*File exists/.test(error.message)
  );
}

/** Docker in the guest needs all of it: guests are not confined (docs/drivers/nspawn.md). */
function nspawnCommand(
  id: string,
  name: string,
  root: string,
  docker: string,
  bridge: string,
  managed: boolean,
): string[] {
  return [
    'systemd-nspawn',
    '--boot',
    '--keep-unit',
    ...(managed ? [] : ['--register=no']),
    '--settings=no',
    '--link-journal=no',
    '--resolv-conf=off',
    '--timezone=off',
    '--console=read-only',
    `--directory=${root}`,
    `--machine=${id}`,
    `--hostname=${name}`,
    `--network-bridge=${bridge}`,
    '--capability=all',
    '--system-call-filter=add_key keyctl bpf',
    '--private-users=no',
    `--bind=${docker}:/var/lib/docker`,
  ];
}

async function bootAsUnit(
  record: GuestRecord,
  launch: readonly string[],
  environment: Readonly<Record<string, string>>,
  log: string,
): Promise<void> {
  const properties = {
    Description: `belt machine ${record.name} of ${record.cluster.name}`,
    Type: 'notify',
    NotifyAccess: 'all',
    KillMode: 'mixed',
    Delegate: 'yes',
    TasksMax: 'infinity',
    MemoryMax: `${record.memory}M`,
    TimeoutStopSec: String(shutdownMs / 1000),
    SuccessExitStatus: '133',
    StandardOutput: `append:${log}`,
    StandardError: `append:${log}`,
  };
  await (await openLog(log)).close();
  try {
    await run('systemd-run', [
      '--quiet',
      '--collect',
      `--unit=${unitOf(record.id)}`,
      '--slice=machine.slice',
      ...Object.entries(properties).map(([key, value]) => `--property=${key}=${value}`),
      ...Object.entries({ ...programEnvironment, ...environment }).map(
        ([key, value]) => `--setenv=${key}=${value}`,
      ),
      'unshare',
      // systemd reads $$ as a literal $ in a unit's command (systemd.service(5), command lines).
      ...launch.map((argument) => argument.replaceAll('$', () => '$$')),
    ]);
  } catch (error) {
    throw await bootFailure(log, error);
  }
}

async function bootDetached(
  layout: NspawnLayout,
  id: string,
  launch: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { log, process: processFile } = machineFolder(layout, id);
  const output = await openLog(log);
  const child = spawn('unshare', launch, {
    env: { ...programEnvironment, ...environment },
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
  });
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.once('error', () => {
    ended = true;
  });
  try {
    const fail = async () => {
      await switchOff(layout, id);
      throw await bootFailure(log);
    };
    const check = async () => {
      if (await isGuestUp(processFile)) return true;
      return ended ? fail() : new Pending('booting');
    };
    await poll<boolean>(check, { timeoutMs: bootMs, intervalMs: 20, onTimeout: fail });
  } finally {
    await output.close();
    child.unref();
  }
}

/** systemd creates `init.scope` once it runs; without cgroup v2, only its process is visible. */
async function isGuestUp(processFile: string): Promise<boolean> {
  const identity = await readIdentity(processFile);
  if (!identity) return false;
  const group = await unifiedGroup(identity.pid);
  if (group === undefined) return isAlive(identity);
  return exists(join(group.replace(/\/supervisor$/, ''), 'payload/init.scope'));
}

/** Selects cgroup v2 for guests. systemd-nspawn's own lock would leave a file behind. */
async function nspawnEnvironment(): Promise<Record<string, string>> {
  const unified = (await findHierarchies()).some(
    ({ mount, kind }) => kind === 'v2' && mount === '/sys/fs/cgroup',
  );
  return { SYSTEMD_NSPAWN_LOCK: '0', ...(unified ? {} : { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' }) };
}

async function bootFailure(log: string, cause?: unknown): Promise<ExternalError> {
  const tail = lastLines((await readFile(log, 'utf8').catch(() => '')).replaceAll(terminalCodes, ''), 5);
  return new ExternalError(`the machine did not boot: ${tail || 'systemd-nspawn printed nothing'}`, {
    hint: `read the full log: ${log}`,
    cause,
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the codes that a console log holds.
const terminalCodes = /\u001b(\[[0-9;?]*[a-zA-Z]|\][^\u0007\u001b]*(\u0007|\u001b\\))|\r/g;

/** Readable by root only, as it shows the guest's console. */
async function openLog(log: string) {
  await unlink(log).catch(() => undefined);
  return open(log, 'a', 0o600);
}
