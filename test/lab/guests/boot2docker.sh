# Runs after busybox.sh: makes the guest resemble boot2docker 19.03 as far as belt depends on it. The
# engine is part of the system, /etc/init.d/docker reads /var/lib/boot2docker/profile and starts it,
# and the user docker has sudo. Emulated: the init script, which uses the profile as boot2docker's
# does. Debian's: the engine, sshd, sudo.
mkdir -p /var/lib/boot2docker
mv /srv/engine/usr/bin/* /usr/bin/

cat >/etc/init.d/docker <<'END'
#!/bin/sh
profile=/var/lib/boot2docker/profile
log=/var/lib/boot2docker/log/docker.log
pidfile=/var/run/docker.pid
[ ! -f $profile ] || . $profile

running() {
  [ -s $pidfile ] && kill -0 "$(cat $pidfile)" 2>/dev/null
}

# With DOCKER_HOST or DOCKER_TLS set, the engine listens on the network, with TLS unless DOCKER_TLS=no.
options() {
  echo "$EXTRA_ARGS"
  [ "${DOCKER_STORAGE:-auto}" = auto ] || echo "--storage-driver $DOCKER_STORAGE"
  [ -n "$DOCKER_TLS$DOCKER_HOST" ] || return 0
  if [ "$DOCKER_TLS" = no ]; then
    echo "${DOCKER_HOST:--H tcp://0.0.0.0:2375}"
  else
    echo "${DOCKER_HOST:--H tcp://0.0.0.0:2376} --tlsverify --tlscacert=$CACERT --tlskey=$SERVERKEY --tlscert=$SERVERCERT"
  fi
}

start() {
  ! running || { echo 'already running' >&2; exit 1; }
  mkdir -p "${log%/*}"
  dockerd --data-root /var/lib/docker -H unix:// $(options) --pidfile $pidfile >>$log 2>&1 &
}

stop() {
  running || return 0
  kill "$(cat $pidfile)"
  for second in 1 2 3 4 5 6 7 8 9 10; do
    running || return 0
    sleep 1
  done
  exit 1
}

case $1 in
  start | stop) "$1" ;;
  restart) stop; start ;;
  status) running ;;
esac
END
cat >/opt/bootscript.sh <<'END'
#!/bin/sh
/sbin/network
mkdir -p /run/sshd
/usr/sbin/sshd
/etc/init.d/docker start
END
chmod +x /etc/init.d/docker /opt/bootscript.sh
echo '::sysinit:/opt/bootscript.sh' >/etc/inittab

printf '%s\n' "docker:x:1000:$(awk -F: '$1 == "docker" { print $3 }' /etc/group)::/home/docker:/bin/sh" >>/etc/passwd
echo 'docker:*:::::::' >>/etc/shadow
mkdir -p /home/docker/.ssh
cp /root/.ssh/authorized_keys /home/docker/.ssh/
chown -R docker /home/docker
echo 'docker ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/docker
