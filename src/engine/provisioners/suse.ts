import type { OsRelease } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

/** Seconds to wait for the lock (zypper(8), ZYPP_LOCK_TIMEOUT). */
const zypper = 'export ZYPP_LOCK_TIMEOUT=600';

/** openSUSE and SLES, which has the engine in the Containers module up to version 15. */
export const suse: Provisioner = {
  name: 'suse',
  runs: ({ id, idLike }) =>
    [id, ...idLike].some((name) => name === 'suse' || name === 'sles' || name === 'opensuse'),
  service: systemd,
  install: (os) => `${zypper}
${addModule(os)}step 'installing docker'
zypper --non-interactive install docker >&2 || exit 1`,
  upgrade: `${zypper}
step 'upgrading docker'
zypper --non-interactive update docker containerd >&2 || exit 1`,
  looksForNewer: `${zypper}
step 'reading package lists'
plan=$(zypper --non-interactive update --dry-run docker containerd 2>&1) || { printf '%s\\n' "$plan" >&2; exit 1; }
case $plan in *'to upgrade'*) tell newer yes ;; esac`,
};

/** SLES 16 has no modules; those of 12 do not depend on the service pack. */
function addModule({ id, versionId }: OsRelease): string {
  const [major = ''] = versionId.split('.');
  if (id !== 'sles' || Number(major) > 15) return '';
  const module = `sle-module-containers/${major === '12' ? major : versionId}/$(uname -m)`;
  return `step 'adding the Containers module'\nSUSEConnect -p ${module} >&2 || exit 1\n`;
}
