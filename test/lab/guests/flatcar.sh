# Runs in a Debian guest: makes it resemble Flatcar as far as belt depends on it. /usr is read-only and
# contains the engine, only a socket starts the engine, with a command like Flatcar's, and the user
# core has sudo.
set -e
sed -i 's|^ExecStart=.*|ExecStart=/usr/sbin/dockerd --host=fd:// --containerd=/run/containerd/containerd.sock $DOCKER_SELINUX $DOCKER_OPTS $DOCKER_CGROUPS|' \
  /usr/lib/systemd/system/docker.service
systemctl daemon-reload
systemctl disable --quiet --now docker.service
systemctl enable --quiet --now docker.socket
rm -rf /etc/docker
useradd --create-home --shell /bin/bash core
mkdir ~core/.ssh
cp /root/.ssh/authorized_keys ~core/.ssh/
chown -R core ~core/.ssh
echo 'core ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/core
rm -f /etc/os-release
mount --bind /usr /usr
mount -o remount,bind,ro /usr
