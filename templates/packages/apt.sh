# Installs, upgrades or checks packages of Debian and Ubuntu. apt waits for its install lock
# (DPkg::Lock::Timeout) but not for the one on package lists.
export DEBIAN_FRONTEND=noninteractive
apt='apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold'

update_lists() {
  step 'reading package lists'
  until output=$($apt update 2>&1); do
    case $output in *'Could not get lock'* | *'is another process using it'*) sleep 2 ;; *) printf '%s\n' "$output" >&2; exit 1 ;; esac
  done
}

# Completes what an interrupted dpkg left: apt refuses to work before.
repair() {
  for file in /var/lib/dpkg/updates/[0-9]*; do
    if [ -e "$file" ]; then dpkg --force-confold --configure -a >&2; return; fi
  done
}

# The client is a separate package since Debian 13; iptables is only recommended. Packages that
# conflict, such as the containerd.io of a Kubernetes node, stay: apt then refuses and names them.
install_packages() {
  update_lists
  packages='docker.io iptables ca-certificates'
  if apt-cache show docker-cli 2>/dev/null | grep -q '^Package: docker-cli$'; then packages="$packages docker-cli"; fi
  step "installing $packages"
  repair
  $apt install --no-remove --no-install-recommends $packages >&2 && return
  removed=$(apt-get -q --simulate install --no-install-recommends $packages 2>/dev/null | sed -n 's/^Remv \([^ ]*\).*/\1/p' | paste -s -d ' ' -)
  [ -z "$removed" ] || echo "E: docker.io would replace $removed: install an engine that works with it on the machine first" >&2
  exit 1
}

installed() {
  dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# The distribution's or Docker's own packages.
list_installed() {
  packages=
  for name in docker-ce docker-ce-cli containerd.io docker.io docker-cli containerd; do
    if installed "$name"; then packages="$packages $name"; fi
  done
}

upgrade_packages() {
  update_lists
  list_installed
  step "upgrading$packages"
  repair
  $apt install --only-upgrade $packages >&2 || exit 1
}

# A simulation prints lines like `Inst docker.io [26.1.5] (26.1.6 ...)`.
check_for_newer() {
  update_lists
  list_installed
  plan=$(apt-get -q -y --simulate install --only-upgrade $packages 2>&1) || { printf '%s\n' "$plan" >&2; exit 1; }
  case $plan in *'Inst '*) tell newer yes ;; esac
}

{{action}}
