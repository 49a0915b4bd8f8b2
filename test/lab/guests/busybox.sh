# Runs in a Debian guest before alpine.sh or boot2docker.sh: from the next boot on, busybox's init is
# PID 1, its ash is sh, its applets replace all programs that they implement, and systemd and the
# engine are removed.
set -e
systemctl disable --quiet --now docker.socket docker.service containerd.service
# alpine.sh and boot2docker.sh install the engine from here.
mkdir -p /srv/engine/usr/bin
for program in dockerd docker-proxy docker-init docker runc containerd containerd-shim-runc-v2; do
  mv "$(command -v "$program")" /srv/engine/usr/bin/
done
rm -rf /etc/docker /etc/init.d/* /etc/systemd/system/docker.service.d

cat >/sbin/network <<END
#!/bin/sh
ip link set lo up
ip address add $(sed -n 's/^Address=//p' /etc/systemd/network/*.network) dev host0
ip link set host0 address $(sed -n 's/^MACAddress=//p' /etc/systemd/network/*.network)
ip link set host0 up
ip route add default via $(sed -n 's/^Gateway=//p' /etc/systemd/network/*.network)
END

# systemd-nspawn prefers systemd, so remove it. belt's driver considers a guest booted once it has the
# control group that systemd creates.
rm /usr/lib/systemd/systemd /usr/bin/systemctl /sbin/init
cat >/sbin/init <<'END'
#!/bin/sh
mkdir -p /sys/fs/cgroup/init.scope && echo 1 >/sys/fs/cgroup/init.scope/cgroup.procs
exec /usr/bin/busybox init
END
chmod +x /sbin/network /sbin/init

sed -i 's:/bin/bash$:/bin/sh:' /etc/passwd
for applet in $(busybox --list); do
  case $applet in
    busybox | init | linuxrc | dpkg* | rpm*) continue ;;
  esac
  place=/usr/bin
  [ ! -e "/usr/sbin/$applet" ] || place=/usr/sbin
  ln -sf /usr/bin/busybox "$place/$applet"
done
