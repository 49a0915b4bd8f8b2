import type { Provisioner } from '../model/provisioner.js';
import { aptInstall, aptLooksForNewer, aptUpgrade } from './apt.js';
import { systemd } from './systemd.js';

/** Debian and what is made of it (Raspberry Pi OS says `ID=raspbian`, `ID_LIKE=debian`). */
export const debian: Provisioner = {
  name: 'debian',
  runs: ({ id, idLike }) => id === 'debian' || idLike.includes('debian'),
  service: systemd,
  install: () => aptInstall,
  upgrade: aptUpgrade,
  looksForNewer: aptLooksForNewer,
};
