# Read by `sh -s ACCESS` on a machine, as root if possible: reports all facts that belt needs at
# once. The report is encoded between two lines with a random mark, so text that a login prints does
# not matter. Does not start the engine.
LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export LC_ALL PATH

section() {
  printf '\n%s %s\n' {{mark}} "$1"
}

has() {
  command -v "$1" >/dev/null
}

# Shows the process that holds a lock on the file, as package managers do while they run.
holder() {
  inode=$(stat -c %i "$1") || return
  pid=$(awk -v end=":$inode" 'substr($6, length($6) - length(end) + 1) == end { print $5; exit }' /proc/locks)
  [ -z "$pid" ] || cat "/proc/$pid/comm" || echo "process $pid"
}

# ports PID: the TCP ports that the process listens on, in hexadecimal.
ports() {
  ls -l "/proc/$1/fd" |
    sed -n 's/.*socket:\[\(.*\)\]$/\1/p' |
    awk 'FILENAME == "-" { own[$1] } $4 == "0A" && $10 in own { print substr($2, length($2) - 3) }' - "/proc/$1/net/tcp" "/proc/$1/net/tcp6"
}

# holds PID INODE: whether the process has the socket.
holds() {
  ls -l "/proc/$1/fd" | grep -q "socket:\[$2\]"
}

# process PID: user, name and program. Snaps have a root folder of their own, as containers do.
process() {
  program=$(readlink "/proc/$1/exe")
  case $program in /snap/* | /var/lib/snapd/*) ;; *) [ "/proc/$1/root/" -ef / ] || return ;; esac
  printf '%s %s %s\n' "$(stat -c %u "/proc/$1")" "$(tr ' ' - <"/proc/$1/comm")" "$program"
}

# Shows the process that listens on the engine's socket. Of one that systemd passes on, the engine.
socket_owner() {
  inode=$(awk '$4 == "00010000" && $8 ~ /^(\/var)?\/run\/docker\.sock$/ { print $7; exit }' /proc/net/unix)
  [ -n "$inode" ] || return
  for pid in $(pidof dockerd) 1; do
    if holds "$pid" "$inode"; then process "$pid"; return; fi
  done
  process "$(ls -l /proc/[0-9]*/fd | awk -F / -v socket="socket:[$inode]" '/^\/proc/ { pid = $3 } index($0, socket) { print pid; exit }')"
}

# A script of an earlier belt continues after its connection breaks: wait for its end.
await_other() {
  attempt=0
  for pid in $(cat /run/belt.*/pid); do
    while [ -d "/proc/$pid" ] && [ "$attempt" -lt 100 ]; do
      attempt=$((attempt + 1))
      sleep 0.2
    done
  done
}

facts() {
  await_other
  section access
  echo "$access"
  section clock
  date +%s
  section os-release
  cat /etc/os-release || cat /usr/lib/os-release
  section init
  if [ -d /run/systemd/system ]; then echo systemd; elif has rc-service; then echo openrc; else echo other; fi
  section hostname
  cat /proc/sys/kernel/hostname
  section docker
  command -v docker
  program=$(command -v docker)
  readlink -f "$program"
  # The wrapper of podman-docker.
  if [ "$(head -c 2 "$program")" = '#!' ]; then grep -ow podman "$program"; fi
  section dockerd
  command -v dockerd
  section engines
  for pid in $(pidof dockerd); do
    process "$pid"
  done
  section socket-owner
  readlink /run/docker.sock || socket_owner
  section present
  ls -d /snap/docker/current /var/lib/snapd/snap/docker/current /opt/docker-desktop /mnt/wsl/docker-desktop
  section image
  if [ -e /run/ostree-booted ]; then
    echo ostree
  elif [ ! -w /usr ]; then
    if has transactional-update; then echo transactional-update; else echo read-only; fi
  fi
  if [ -d /run/systemd/system ]; then
    section units
    systemctl show --property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload docker.service docker.socket
    section unit-text
    systemctl cat docker.service
  fi
  for file in {{read}}; do
    if [ -e "$file" ]; then
      section "file:$file"
      cat "$file"
    fi
  done
  section sums
  sha256sum {{checked}}
  section unfinished
  ls /run/belt-unfinished.*
  # dockerd writes this file when it starts. Its name alone would also find one in a container.
  pid=$(cat /run/docker.pid)
  if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm")" = dockerd ]; then
    section newer
    for file in {{read}} {{checked}}; do
      if [ -e "$file" ] && [ "$file" -nt /run/docker.pid ]; then echo "$file"; fi
    done
    section listening
    ports "$pid"
  fi
  section writable
  [ -w /etc ] && echo yes
  section free
  df -P -k /
  section cloud-init
  if ! has cloud-init; then echo absent; elif [ -e /run/cloud-init/result.json ]; then echo done; else echo running; fi
  section package-lock
  for file in /var/lib/dpkg/lock-frontend /var/lib/rpm/.rpm.lock /run/zypp.pid /lib/apk/db/lock; do
    [ ! -e "$file" ] || holder "$file"
  done
  [ ! -e /var/lib/pacman/db.lck ] || echo pacman
}

access=$1
printf '\n%s begin\n' {{mark}}
facts 2>/dev/null | base64
printf '\n%s end\n' {{mark}}
