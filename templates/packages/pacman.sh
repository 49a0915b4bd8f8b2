# Installs, upgrades or checks packages of Arch Linux. pacman does not wait for its lock.
update_lists() {
  step 'reading package lists'
  until output=$(pacman -Sy --noconfirm 2>&1); do
    case $output in *'unable to lock database'*) sleep 2 ;; *) printf '%s\n' "$output" >&2; exit 1 ;; esac
  done
}

install_packages() {
  update_lists
  step 'installing docker'
  pacman -S --noconfirm --noprogressbar --needed docker >&2 || exit 1
}

upgrade_packages() {
  update_lists
  step 'upgrading docker'
  pacman -S --noconfirm --noprogressbar --needed docker containerd runc >&2 || exit 1
}

# Prints and succeeds if a package is outdated.
check_for_newer() {
  update_lists
  if pacman -Qu docker containerd runc >&2; then tell newer yes; fi
}

{{action}}
