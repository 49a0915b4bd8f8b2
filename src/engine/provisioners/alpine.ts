import type { Template } from '../../base/templates.js';
import { isLike } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { openrc } from './openrc.js';

const apk = (action: string): Template => ({ name: 'packages/apk.sh', values: { action } });

export const alpine: Provisioner = {
  name: 'alpine',
  runs: isLike('alpine'),
  service: openrc,
  install: () => apk('install_packages'),
  upgrade: apk('upgrade_packages'),
  looksForNewer: apk('check_for_newer'),
};
