import type { Provisioner } from '../model/provisioner.js';
import { systemd } from './systemd.js';

/** apt waits for its install lock (`DPkg::Lock::Timeout`) but not for the one on package lists. */
const aptPrelude = `export DEBIAN_FRONTEND=noninteractive
apt='apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold'
update_lists() {
  until output=$($apt update 2>&1); do
    case $output in *'Could not get lock'* | *'is another process using it'*) sleep 2 ;; *) printf '%s\\n' "$output" >&2; return 1 ;; esac
  done
}
installed() { dpkg-query --show --showformat='\${db:Status-Status}\\n' "$1" 2>/dev/null | grep -qx installed; }`;

/** The client is a separate package since Debian 13; iptables is only recommended. */
const aptInstall = `${aptPrelude}
step 'reading package lists'
update_lists || exit 1
packages='docker.io iptables ca-certificates'
if apt-cache show docker-cli 2>/dev/null | grep -q '^Package: docker-cli$'; then packages="$packages docker-cli"; fi
step "installing $packages"
$apt install --no-install-recommends $packages >&2 || exit 1`;

/** Upgrades the distribution's or Docker's own packages. */
const aptInstalled = `${aptPrelude}
step 'reading package lists'
update_lists || exit 1
packages=
for name in docker-ce docker-ce-cli containerd.io docker.io docker-cli containerd; do
  if installed "$name"; then packages="$packages $name"; fi
done`;

/** A simulation prints lines like `Inst docker.io [26.1.5] (26.1.6 ...)`. */
const aptLooksForNewer = `${aptInstalled}
plan=$(apt-get -q -y --simulate install --only-upgrade $packages 2>&1) || { printf '%s\\n' "$plan" >&2; exit 1; }
case $plan in *'Inst '*) tell newer yes ;; esac`;

const aptUpgrade = `${aptInstalled}
step "upgrading$packages"
$apt install --only-upgrade $packages >&2 || exit 1`;

const aptPackages = {
  service: systemd,
  install: () => aptInstall,
  upgrade: aptUpgrade,
  looksForNewer: aptLooksForNewer,
};

/** Includes derivatives (Raspberry Pi OS has `ID=raspbian`, `ID_LIKE=debian`). */
export const debian: Provisioner = {
  name: 'debian',
  runs: ({ id, idLike }) => id === 'debian' || idLike.includes('debian'),
  ...aptPackages,
};

/** Includes derivatives (Linux Mint, Pop!_OS). docker.io is in `universe`, enabled on servers. */
export const ubuntu: Provisioner = {
  name: 'ubuntu',
  runs: ({ id, idLike }) => id === 'ubuntu' || idLike.includes('ubuntu'),
  ...aptPackages,
};
