import { explanationOf, UserError } from '../../base/errors.js';
import { exists } from '../../base/files.js';
import type { Check } from '../driver.js';
import type { VBoxManage } from './vboxmanage.js';
import type { VirtualBoxContext } from './virtualbox-context.js';
import type { VirtualBoxSettings } from './virtualbox-settings.js';
import { checkNetwork } from './vm-network.js';

/** The first version with `--graphicscontroller vmsvga` and DHCP addresses for single VMs. */
const minVersion = [6, 1] as const;

export async function checkVirtualBox({ vbox, settings }: VirtualBoxContext): Promise<Check[]> {
  const program = await programCheck(vbox);
  if (!program.ok) return [program];
  return [program, await moduleCheck(), await processorCheck(vbox), await networkCheck(vbox, settings)];
}

export async function requireCapableHost(vbox: VBoxManage, settings: VirtualBoxSettings): Promise<void> {
  requireVersion(await versionOf(vbox));
  if (!settings.vtxCheck) return;
  // Without its module VirtualBox cannot report the processor either.
  const failed = [await moduleCheck(), await processorCheck(vbox)].find(({ ok }) => !ok);
  if (!failed) return;
  throw new UserError(`this computer cannot run virtual machines: ${failed.name}: ${failed.detail}`, {
    hint: 'skip this check: --virtualbox-no-vtx-check',
  });
}

async function versionOf(vbox: VBoxManage): Promise<string> {
  return (await vbox.run(['--version'])).trim().split(/\r?\n/).at(-1) ?? '';
}

/** `7.2.22_Debianr175245`, `6.1.50r161033` */
function requireVersion(version: string): void {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) > minVersion[0] || (Number(major) === minVersion[0] && Number(minor) >= minVersion[1]))
    return;
  throw new UserError(`VirtualBox ${version} is too old`, {
    hint: `install ${minVersion.join('.')} or later`,
  });
}

async function programCheck(vbox: VBoxManage): Promise<Check> {
  const name = 'VBoxManage';
  try {
    const version = await versionOf(vbox);
    requireVersion(version);
    return { name, ok: true, detail: version };
  } catch (error) {
    return { name, ok: false, detail: explanationOf(error) };
  }
}

async function moduleCheck(): Promise<Check> {
  const name = 'kernel module vboxdrv';
  if (process.platform !== 'linux') return { name, ok: true, detail: 'comes with VirtualBox' };
  const ok = await exists('/dev/vboxdrv');
  const detail = ok
    ? '/dev/vboxdrv'
    : 'no machine can start without it: sudo /sbin/vboxconfig, or install virtualbox-dkms';
  return { name, ok, detail };
}

async function processorCheck(vbox: VBoxManage): Promise<Check> {
  const name = 'processor';
  const output = await vbox.run(['list', 'hostinfo']).catch(() => '');
  const ok = !/^Processor supports HW virtualization:\s*no/m.test(output);
  const detail = ok
    ? 'runs virtual machines'
    : 'no VT-x or AMD-V: enable it in the BIOS, or stop the other hypervisor that uses it';
  return { name, ok, detail };
}

async function networkCheck(vbox: VBoxManage, settings: VirtualBoxSettings): Promise<Check> {
  const name = settings.network === 'hostonly' ? 'host-only network' : 'NAT network';
  try {
    await checkNetwork(vbox, settings);
    if (
      settings.network === 'natnetwork' ||
      process.platform !== 'linux' ||
      (await exists('/dev/vboxnetctl'))
    )
      return { name, ok: true, detail: 'its range is free' };
    return {
      name,
      ok: false,
      detail: 'no /dev/vboxnetctl: sudo modprobe vboxnetadp, or --virtualbox-network natnetwork',
    };
  } catch (error) {
    return { name, ok: false, detail: explanationOf(error) };
  }
}
