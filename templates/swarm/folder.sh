# Run by `sh -c` on a machine, as root: works on the engine's swarm folder, mostly while the engine
# is stopped. The engine is started again in every case, even if the connection breaks or this script
# is killed. Results are lines on standard error that start with a random mark; standard input and
# descriptor 3 carry bytes.
{{prelude}}
umask 077
trap '' HUP INT TERM PIPE
exec 3>&1 1>&2

# give_up WHY [LOG]
give_up() {
  tell failed "$1"
  [ -z "${2-}" ] || tell log "$2"
  exit 1
}

find_data_root

stopped=
socket=
watcher=
temp=

# Starts the engine once this script is killed.
watch() {
  exec </dev/null >/dev/null 2>&1 3>&-
  while [ -d "/proc/$$" ]; do sleep 1; done
  watcher=
  tidy
}

stop_engine() {
  step 'stopping the engine'
  note_containers
  began=$(date +%s)
  stopped=yes
  if command -v systemctl >/dev/null && systemctl is-active --quiet docker.socket; then
    # The next request would start the engine again.
    socket=yes
  fi
  begin_change engine || give_up 'cannot write to /run'
  watch &
  watcher=$!
  [ -z "$socket" ] || systemctl stop docker.socket
  problem=$(timeout 150 sh -c '{{stop}}' 2>&1 </dev/null) || give_up 'the engine does not stop' "$problem"
  if {{isActive}}; then give_up 'something else started the engine again'; fi
}

start_engine() {
  [ -n "$stopped" ] || return 0
  stopped=
  step 'starting the engine'
  [ -z "$socket" ] || systemctl start docker.socket
  problem=$(timeout 150 sh -c '{{start}}' 2>&1 </dev/null) || give_up 'the engine does not start' "$problem
$({ {{journal}}; } 2>&1)"
  await_engine $(($(date +%s) + 60)) || give_up 'the engine does not respond' "$version"
  tell downtime "$(($(date +%s) - began))"
  wake_containers
  [ -z "$watcher" ] || kill -9 "$watcher"
  end_change engine
}

tidy() {
  start_engine
  [ -z "$temp" ] || rm -rf "$temp"
}
trap tidy EXIT

{{work}}
start_engine
tell done ''
