# Installs, upgrades or checks Alpine's packages.
install_packages() {
  step 'installing docker'
  apk --wait 600 --update-cache --no-progress add docker docker-cli >&2 || exit 1
}

upgrade_packages() {
  step 'upgrading docker'
  apk --wait 600 --update-cache --no-progress upgrade docker docker-cli >&2 || exit 1
}

check_for_newer() {
  step 'reading package lists'
  apk --wait 600 --no-progress update >&2 || exit 1
  case $(apk version -l '<' docker docker-cli) in *docker*) tell newer yes ;; esac
}

{{action}}
