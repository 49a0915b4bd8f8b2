# Installs, upgrades or checks packages of openSUSE and SLES. Seconds to wait for the lock
# (zypper(8)):
export ZYPP_LOCK_TIMEOUT=600

# add_module VERSION: the Containers module of SLES, which has the engine.
add_module() {
  step 'adding the Containers module'
  SUSEConnect -p "sle-module-containers/$1/$(uname -m)" >&2 || exit 1
}

install_packages() {
  step 'installing docker'
  zypper --non-interactive install docker >&2 || exit 1
}

upgrade_packages() {
  step 'upgrading docker'
  zypper --non-interactive update docker containerd >&2 || exit 1
}

check_for_newer() {
  step 'reading package lists'
  plan=$(zypper --non-interactive update --dry-run docker containerd 2>&1) || { printf '%s\n' "$plan" >&2; exit 1; }
  case $plan in *'to upgrade'*) tell newer yes ;; esac
}

{{action}}
