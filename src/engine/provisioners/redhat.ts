import type { OsRelease } from '../model/os-release.js';
import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

/** Docker's own repository, which has one for Fedora, one for RHEL and one for all that is built like CentOS Stream. */
const repository = (folder: string): string => `step "adding Docker's repository"
curl -fsSL https://download.docker.com/linux/${folder}/docker-ce.repo -o /etc/yum.repos.d/docker-ce.repo || exit 1
step 'installing docker-ce docker-ce-cli containerd.io'
$dnf install docker-ce docker-ce-cli containerd.io >&2 || exit 1`;

/** dnf itself waits for the lock of another that installs. */
const prelude = 'dnf=$(command -v dnf || command -v yum) && dnf="$dnf -q -y" || exit 1';

const amazon = `${prelude}
step 'installing docker'
$dnf install docker >&2 || exit 1`;

/**
 * Whichever of Docker's, Amazon's and Fedora's packages are there: dnf 5 refuses to upgrade one that is not. dnf believes its copy of the
 * repositories for two days (`metadata_expire`, dnf.conf(5)).
 */
const installed = `${prelude}
packages=
for name in docker-ce docker-ce-cli containerd.io docker moby-engine docker-cli containerd; do
  if rpm -q --quiet "$name"; then packages="$packages $name"; fi
done
$dnf clean expire-cache >&2 || exit 1`;

const upgrade = `${installed}
step "upgrading$packages"
$dnf upgrade $packages >&2 || exit 1`;

/** Ends with 100 where there is something to upgrade (dnf(8), yum(8)). */
const looksForNewer = `${installed}
step 'reading package lists'
$dnf check-update $packages >&2
case $? in 0) ;; 100) tell newer yes ;; *) exit 1 ;; esac`;

/** RHEL and its kin: Rocky, Alma, CentOS Stream, Oracle Linux, Fedora, Amazon Linux. */
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
