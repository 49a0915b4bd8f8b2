import type { Template } from '../../base/templates.js';
import { isLike } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

const pacman = (action: string): Template => ({ name: 'packages/pacman.sh', values: { action } });

/** Includes derivatives (Manjaro, EndeavourOS). */
export const arch: Provisioner = {
  name: 'arch',
  runs: isLike('arch', 'archlinux', 'manjaro', 'manjaro-arm', 'cachyos', 'garuda'),
  service: systemd,
  install: () => pacman('install_packages'),
  upgrade: pacman('upgrade_packages'),
  looksForNewer: pacman('check_for_newer'),
};
