# Runs after busybox.sh: makes the guest resemble Alpine as far as Debian's packages allow. Real:
# OpenRC with all of its tools, and what busybox.sh installs. Emulated: apk, which records its calls,
# and the engine's service, with options as Alpine's (DOCKER_OPTS in /etc/conf.d/docker;
# supervise-daemon; log in /var/log/docker.log). Debian's: the engine, sshd, glibc.

# The packages of OpenRC and systemd conflict, so unpack OpenRC's files without installing it.
cd "$(mktemp -d)"
apt-get update -qq
apt-get download -qq openrc $(apt-cache depends openrc | awk '$2 ~ /^lib(rc|einfo)/ { print $2 }') 2>/dev/null
for package in *.deb; do busybox dpkg-deb -x "$package" /; done
rm -f /etc/init.d/* /etc/conf.d/* /etc/runlevels/*/* /usr/bin/sudo /usr/bin/curl
# Debian's OpenRC requires it.
: >/etc/insserv.conf
printf '%s\n' '::sysinit:/sbin/openrc sysinit' '::sysinit:/sbin/openrc boot' '::wait:/sbin/openrc default' \
  '::shutdown:/sbin/openrc shutdown' >/etc/inittab

cat >/etc/init.d/networking <<'END'
#!/sbin/openrc-run
depend() { provide net; }
start() { /sbin/network; }
END
cat >/etc/init.d/sshd <<'END'
#!/sbin/openrc-run
command=/usr/sbin/sshd
pidfile=/run/sshd.pid
depend() { need net; }
start_pre() { checkpath --directory --mode 0755 /run/sshd; }
END
chmod +x /etc/init.d/*
for service in networking sshd; do ln -s "/etc/init.d/$service" /etc/runlevels/default/; done

mkdir -p /srv/engine/etc/init.d /srv/engine/etc/conf.d /lib/apk/db
cat >/srv/engine/etc/init.d/docker <<'END'
#!/sbin/openrc-run
supervisor=supervise-daemon
command="${DOCKERD_BINARY:-/usr/bin/dockerd}"
command_args="$DOCKER_OPTS"
output_log="${DOCKER_LOGFILE:-/var/log/docker.log}"
error_log="$output_log"
retry=TERM/60/KILL/10
depend() { need net; }
END
chmod +x /srv/engine/etc/init.d/docker
printf '%s\n' '# what is passed on to the engine' 'DOCKER_OPTS=""' >/srv/engine/etc/conf.d/docker
: >/lib/apk/db/lock
cat >/sbin/apk <<'END'
#!/bin/sh
# Emulates apk: logs each call, and installs the files of `apk add docker docker-cli`.
echo "apk $*" >>/var/log/calls
case " $* " in *' add docker docker-cli '*) cp -R /srv/engine/. / ;; esac
END
chmod +x /sbin/apk
