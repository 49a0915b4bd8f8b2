import type { Provisioner } from '../model/provisioner.js';
import { aptInstall, aptLooksForNewer, aptUpgrade } from './apt.js';
import { systemd } from './systemd.js';

/** Ubuntu and what is made of it (Linux Mint, Pop!_OS); docker.io is in its `universe`, which servers and clouds have on. */
export const ubuntu: Provisioner = {
  name: 'ubuntu',
  runs: ({ id, idLike }) => id === 'ubuntu' || idLike.includes('ubuntu'),
  service: systemd,
  install: () => aptInstall,
  upgrade: aptUpgrade,
  looksForNewer: aptLooksForNewer,
};
