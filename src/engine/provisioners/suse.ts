import { quoteArgs } from '../../base/quote-args.js';
import type { Template } from '../../base/templates.js';
import { isLike, type OsRelease } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

const zypper = (action: string): Template => ({ name: 'packages/zypper.sh', values: { action } });

/** openSUSE and SLES, which has the engine in the Containers module up to version 15. */
export const suse: Provisioner = {
  name: 'suse',
  runs: isLike('suse', 'sles', 'sles_sap', 'sled', 'opensuse'),
  service: systemd,
  install: (os) => zypper(`${addModule(os)}install_packages`),
  upgrade: zypper('upgrade_packages'),
  looksForNewer: zypper('check_for_newer'),
};

/** SLES 16 has no modules; those of 12 do not depend on the service pack. */
function addModule({ id, versionId }: OsRelease): string {
  const [major = ''] = versionId.split('.');
  if (!id.startsWith('sles') || Number(major) > 15) return '';
  return `${quoteArgs(['add_module', major === '12' ? major : versionId])}\n`;
}
