# Installs, upgrades or checks packages with dnf or yum, which wait for their lock.
dnf=$(command -v dnf || command -v yum) && dnf="$dnf -q -y" || exit 1

# install_from_docker FOLDER: from Docker's repository of that name. $releasever can be a rebuild's
# own version or a minor one; PLATFORM_ID ends in the version of the system that a rebuild follows.
install_from_docker() {
  step "adding Docker's repository"
  repository=/etc/yum.repos.d/docker-ce.repo
  curl -fsSL "https://download.docker.com/linux/$1/docker-ce.repo" -o "$repository" || exit 1
  version=$(. /etc/os-release && echo "${PLATFORM_ID:-${VERSION_ID%%.*}}")
  version=${version##*[!0-9]}
  [ -z "$version" ] || sed -i "s/\$releasever/$version/g" "$repository" || exit 1
  step 'installing docker-ce docker-ce-cli containerd.io'
  $dnf install docker-ce docker-ce-cli containerd.io >&2 || exit 1
}

# Amazon Linux 2 has the engine in its extras.
install_own_package() {
  step 'installing docker'
  if command -v amazon-linux-extras >/dev/null; then amazon-linux-extras install -y docker; else $dnf install docker; fi >&2 || exit 1
}

install_from_oracle() {
  step 'installing docker-engine'
  $dnf --enablerepo=ol7_addons install docker-engine >&2 || exit 1
}

# dnf 5 refuses to upgrade missing packages; cached metadata may be old (metadata_expire).
list_installed() {
  packages=
  for name in docker-ce docker-ce-cli containerd.io docker moby-engine docker-engine docker-cli containerd; do
    if rpm -q --quiet "$name"; then packages="$packages $name"; fi
  done
  $dnf clean expire-cache >&2 || exit 1
}

upgrade_packages() {
  list_installed
  step "upgrading$packages"
  $dnf upgrade $packages >&2 || exit 1
}

# Exit code 100 means that upgrades are available (dnf(8), yum(8)).
check_for_newer() {
  list_installed
  step 'reading package lists'
  $dnf check-update $packages >&2
  case $? in 0) ;; 100) tell newer yes ;; *) exit 1 ;; esac
}

{{action}}
