import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

/** Flatcar Container Linux comes with the engine, on a /usr that cannot be written to, and updates itself as a whole. */
export const flatcar: Provisioner = {
  name: 'flatcar',
  runs: ({ id, idLike }) => id === 'flatcar' || id === 'coreos' || idLike.includes('coreos'),
  service: systemd,
};
