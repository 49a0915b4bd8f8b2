import type { OsRelease } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

/** Docker's repositories for Fedora, RHEL and CentOS Stream (for all other rebuilds). */
const repository = (folder: string): string => `step "adding Docker's repository"
curl -fsSL https://download.docker.com/linux/${folder}/docker-ce.repo -o /etc/yum.repos.d/docker-ce.repo || exit 1
step 'installing docker-ce docker-ce-cli containerd.io'
$dnf install docker-ce docker-ce-cli containerd.io >&2 || exit 1`;

/** dnf waits for its lock without a flag. */
const prelude = 'dnf=$(command -v dnf || command -v yum) && dnf="$dnf -q -y" || exit 1';

const amazon = `${prelude}
step 'installing docker'
$dnf install docker >&2 || exit 1`;

/** dnf 5 refuses to upgrade missing packages; cached metadata may be old (`metadata_expire`). */
const installed = `${prelude}
packages=
for name in docker-ce docker-ce-cli containerd.io docker moby-engine docker-cli containerd; do
  if rpm -q --quiet "$name"; then packages="$packages $name"; fi
done
$dnf clean expire-cache >&2 || exit 1`;

const upgrade = `${installed}
step "upgrading$packages"
$dnf upgrade $packages >&2 || exit 1`;

/** Exit code 100 means that upgrades are available (dnf(8), yum(8)). */
const looksForNewer = `${installed}
step 'reading package lists'
$dnf check-update $packages >&2
case $? in 0) ;; 100) tell newer yes ;; *) exit 1 ;; esac`;

export const redhat: Provisioner = {
  name: 'redhat',
  runs: ({ id, idLike }) =>
    [id, ...idLike].some((name) => ['rhel', 'fedora', 'centos', 'amzn'].includes(name)),
  service: systemd,
  install: (os) => (os.id === 'amzn' ? amazon : `${prelude}\n${repository(folderOf(os))}`),
  upgrade,
  looksForNewer,
};

function folderOf({ id }: OsRelease): string {
  return id === 'fedora' || id === 'rhel' ? id : 'centos';
}
