import type { Template } from '../../base/templates.js';
import type { OsRelease } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

const dnf = (action: string): Template => ({ name: 'packages/dnf.sh', values: { action } });

export const redhat: Provisioner = {
  name: 'redhat',
  runs: ({ id, idLike }) =>
    [id, ...idLike].some((name) => ['rhel', 'fedora', 'centos', 'amzn'].includes(name)),
  service: systemd,
  install: (os) => dnf(os.id === 'amzn' ? 'install_from_amazon' : `install_from_docker ${folderOf(os)}`),
  upgrade: dnf('upgrade_packages'),
  looksForNewer: dnf('check_for_newer'),
};

/** Docker has repositories for Fedora, RHEL and CentOS Stream (for all other rebuilds). */
function folderOf({ id }: OsRelease): string {
  return id === 'fedora' || id === 'rhel' ? id : 'centos';
}
