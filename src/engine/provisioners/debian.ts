import type { Template } from '../../base/templates.js';
import { isLike } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

const apt = (action: string): Template => ({ name: 'packages/apt.sh', values: { action } });

const aptPackages = {
  service: systemd,
  install: () => apt('install_packages'),
  upgrade: apt('upgrade_packages'),
  looksForNewer: apt('check_for_newer'),
};

/** Includes derivatives (Raspberry Pi OS has `ID=raspbian`, `ID_LIKE=debian`). */
export const debian: Provisioner = {
  name: 'debian',
  runs: isLike('debian', 'deepin', 'pureos'),
  ...aptPackages,
};

/** Includes derivatives (Linux Mint, Pop!_OS). docker.io is in `universe`, enabled on servers. */
export const ubuntu: Provisioner = {
  name: 'ubuntu',
  runs: isLike('ubuntu'),
  ...aptPackages,
};
