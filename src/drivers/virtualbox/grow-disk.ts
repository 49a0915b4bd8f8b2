import type { VBoxManage } from './vboxmanage.js';

/** Disks grow only. @param size mebibytes */
export async function growDisk(vbox: VBoxManage, disk: string, size: number): Promise<void> {
  const said = await vbox.run(['showmediuminfo', 'disk', disk]);
  const capacity = Number(/^Capacity:\s*(\d+) MBytes/m.exec(said)?.[1] ?? 0);
  if (capacity >= size) return;
  await vbox.run(['modifymedium', 'disk', disk, '--resizebyte', String(size * 1024 * 1024)]);
}
