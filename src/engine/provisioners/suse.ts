import type { Provisioner } from '../provisioner.js';
import { systemd } from '../systemd.js';

/** zypper waits for another's lock as many seconds as it is told (zypper(8), ZYPP_LOCK_TIMEOUT). */
const zypper = 'export ZYPP_LOCK_TIMEOUT=600';

/** openSUSE and SLES; there the engine is in the Containers module. */
export const suse: Provisioner = {
  name: 'suse',
  runs: ({ id, idLike }) =>
    [id, ...idLike].some((name) => name === 'suse' || name === 'sles' || name === 'opensuse'),
  service: systemd,
  install: ({ id, versionId }) => `${zypper}
${id === 'sles' ? `step 'adding the Containers module'\nSUSEConnect -p sle-module-containers/${versionId}/$(uname -m) >&2 || exit 1\n` : ''}step 'installing docker'
zypper --non-interactive install docker >&2 || exit 1`,
  upgrade: `${zypper}
step 'upgrading docker'
zypper --non-interactive update docker containerd >&2 || exit 1`,
};
