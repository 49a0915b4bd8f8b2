# Runs in a new base image (chroot) after debootstrap: removes what slows down the boot, and what
# must differ between guests.
set -eu

# A guest has no modules, disks, seats, consoles or firmware, and updates are the owner's decision.
# Waiting for the network delays the boot by two seconds although the address is static. belt sets
# the host key: sshd-keygen would create others.
systemctl mask --quiet \
  systemd-modules-load.service systemd-networkd-wait-online.service systemd-pstore.service systemd-firstboot.service \
  sshd-keygen.service console-getty.service getty@.service getty-static.service getty.target \
  apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer \
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount kmod-static-nodes.service \
  systemd-logind.service dev-hugepages.mount sys-fs-fuse-connections.mount
systemctl enable --quiet systemd-networkd.service ssh.service docker.service

passwd --quiet --lock root
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id
ln -s /etc/machine-id /var/lib/dbus/machine-id
rm -f /etc/hostname /etc/resolv.conf
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/bootstrap.log /var/log/alternatives.log /var/log/dpkg.log

# Marks /etc and /var as matching this /usr: otherwise systemd rebuilds its caches at each machine's
# first boot.
touch /etc/.updated /var/.updated
