import type { Provisioner } from '../model/provisioner.js';
import { boot2docker as service } from './boot2docker-profile.js';

/** boot2docker comes with the engine; a newer one is a newer ISO. */
export const boot2docker: Provisioner = {
  name: 'boot2docker',
  runs: ({ id }) => id === 'boot2docker',
  service,
};
