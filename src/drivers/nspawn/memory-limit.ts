import { exists } from '../../base/files.js';
import { changeLimit, type LimitFile, limitFile, limitFileV2, unifiedGroup } from './cgroups.js';
import { run } from './host-program.js';
import { systemdRunsComputer, unitOf } from './host-systemd.js';
import type { Layout } from './layout.js';
import { runningProcess } from './shut-down.js';

/**
 * Changes the memory limit of a running machine.
 * @throws UserError when the machine uses more than that.
 */
export async function resizeRunning(layout: Layout, id: string, memoryMb: number): Promise<void> {
  const limit = await limitOf(layout, id);
  if (limit) await changeLimit(limit, memoryMb);
  if (await systemdRunsComputer()) {
    await run('systemctl', ['set-property', '--runtime', unitOf(id), `MemoryMax=${memoryMb}M`]);
  }
}

/**
 * Where the memory limit is set: in belt's own group, or in systemd's group of its unit. Undefined
 * where the computer has no memory controller.
 */
async function limitOf(layout: Layout, id: string): Promise<LimitFile | undefined> {
  const own = await limitFile(id);
  if (own) return own;
  const identity = await runningProcess(layout, id);
  const group = identity && (await unifiedGroup(identity.pid));
  if (group === undefined) return undefined;
  const limit = limitFileV2(group.replace(/\/supervisor$/, ''));
  return (await exists(limit.path)) ? limit : undefined;
}
