import { rm } from 'node:fs/promises';
import { ExternalError } from '../../base/errors.js';
import { exists } from '../../base/files.js';
import { killGroups, removeGroups } from './cgroups.js';
import { run, systemdRunsComputer, unitOf } from './host-program.js';
import { machineFolder, type NspawnLayout } from './layout.js';
import { unmountBelow } from './mounts.js';
import { isAlive, type ProcessIdentity, readIdentity, sendSignal, waitForEnd } from './process-identity.js';

/** After this, a machine is switched off: Docker alone gives its containers 10 s. */
export const shutdownMs = 60_000;

export async function shutDown(layout: NspawnLayout, id: string): Promise<void> {
  const identity = await runningProcess(layout, id);
  if (identity) {
    sendSignal(identity.pid, 'SIGTERM');
    if (!(await waitForEnd(identity, shutdownMs))) await killProcess(identity, id);
  }
  await cleanUp(layout, id);
}

export async function switchOff(layout: NspawnLayout, id: string): Promise<void> {
  const identity = await runningProcess(layout, id);
  if (identity) await killProcess(identity, id);
  await cleanUp(layout, id);
}

/** Requires no root. */
export async function runningProcess(layout: NspawnLayout, id: string): Promise<ProcessIdentity | undefined> {
  const identity = await readIdentity(machineFolder(layout, id).process);
  return identity && (await isAlive(identity)) ? identity : undefined;
}

/** Removes the leftovers of a stopped machine; killed ones also leave processes. */
export async function cleanUp(layout: NspawnLayout, id: string): Promise<void> {
  const folder = machineFolder(layout, id);
  await rm(folder.process, { force: true });
  await rm(`${folder.process}.new`, { force: true });
  // A unit whose main process was killed takes a moment to stop and cannot be started until then.
  if (await systemdRunsComputer())
    await run('systemctl', ['stop', '--quiet', unitOf(id)]).catch(() => undefined);
  await killGroups(id);
  await removeGroups(id);
  for (const place of ['propagate', 'unix-export']) {
    const path = `/run/systemd/nspawn/${place}/${id}`;
    if (!(await exists(path))) continue;
    await unmountBelow(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function killProcess(identity: ProcessIdentity, id: string): Promise<void> {
  sendSignal(identity.pid, 'SIGKILL');
  if (await waitForEnd(identity, 10_000)) return;
  throw new ExternalError(`systemd-nspawn of ${id} (process ${identity.pid}) does not exit`);
}
