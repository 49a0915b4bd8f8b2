import type { Provisioner } from '../model/provisioner.js';
import { openrc } from './openrc.js';

export const alpine: Provisioner = {
  name: 'alpine',
  runs: ({ id }) => id === 'alpine',
  service: openrc,
  install: () => `step 'installing docker'
apk --wait 600 --update-cache --no-progress add docker docker-cli >&2 || exit 1`,
  upgrade: `step 'upgrading docker'
apk --wait 600 --update-cache --no-progress upgrade docker docker-cli >&2 || exit 1`,
  looksForNewer: `step 'reading package lists'
apk --wait 600 --no-progress update >&2 || exit 1
case $(apk version -l '<' docker docker-cli) in *docker*) tell newer yes ;; esac`,
};
