# Start of the scripts that `sh -s` reads on a machine, as root. Results are lines that start with a
# random mark.
LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export LC_ALL PATH

tell() {
  printf '\n%s %s %s\n' {{mark}} "$1" "$(printf %s "$2" | base64 | tr -d '\n')"
}

step() {
  tell step "$1"
}

# A mark on the machine shows that a change has begun and not ended, even if this script is killed.
# A reboot removes it, and starts the engine with all files.
unfinished=/run/belt-unfinished

# begin_change NAME...
begin_change() {
  for change in "$@"; do
    echo >"$unfinished.$change" || return
  done
}

# end_change NAME...
end_change() {
  for change in "$@"; do
    rm -f "$unfinished.$change"
  done
}

# A restart of the engine stops containers, and only those with a restart policy start again on
# their own. `note_containers` before it and `wake_containers` after it start all of them. Neither
# starts an engine that is off. The file has the containers of a script that was killed in between.
engine='docker --host unix:///var/run/docker.sock'
noted=/run/belt-containers
answered=
ran=
paused=

# Sets $root, also if the engine does not respond.
find_data_root() {
  root=$(timeout 20 $engine info --format '{{.DockerRootDir}}' 2>/dev/null </dev/null)
  [ -n "$root" ] || root=$(sed -n 's/.*"data-root"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' /etc/docker/daemon.json 2>/dev/null)
  [ -n "$root" ] || root=/var/lib/docker
}

# containers [OPTION...]: names, oldest first, because a container may use the network of an older
# one. Excludes tasks of a swarm.
containers() {
  timeout 10 $engine ps --format '{{.Names}} {{.Label "com.docker.swarm.task.id"}}' "$@" 2>/dev/null |
    awk 'NF == 1 { names = $1 " " names } END { print names }'
}

# listed NAME...
listed() {
  printf %s "$*" | sed 's/ /, /g'
}

# without NAMES OTHERS
without() {
  for name in $1; do
    case " $2 " in *" $name "*) ;; *) printf '%s ' "$name" ;; esac
  done
}

note_containers() {
  ran=$(cat "$noted" 2>/dev/null)
  asleep=$ran
  noted_engine=$(pidof dockerd) || return 0
  timeout 10 $engine version >/dev/null 2>&1 || return 0
  answered=yes
  ran="$ran$(without "$(containers)" "$ran")"
  paused=$(containers --filter status=paused)
  [ -z "$ran" ] || printf %s "$ran" >"$noted"
}

# await_engine UNTIL: waits until the engine responds; $version is its version or its last error.
# With some init systems a restart returns before the engine is up: it has until UNTIL, in seconds
# since 1970, as long as the same process runs. An engine that exits or restarts repeatedly has
# failed.
await_engine() {
  attempt=0
  last=
  until version=$($engine version --format '{{.Server.Version}}' 2>&1); do
    attempt=$((attempt + 1))
    process=$(pidof dockerd)
    if [ "$attempt" -ge 40 ]; then
      [ -n "$process" ] && [ "$process" = "$last" ] && [ "$(date +%s)" -lt "$1" ] || return 1
    fi
    last=$process
    sleep 0.2
  done
}

# A container that does not start is only a warning: the engine itself is fine.
wake_containers() {
  [ -n "$ran" ] && { [ -n "$asleep" ] || [ "$(pidof dockerd)" != "$noted_engine" ]; } || return 0
  if ! await_engine $(($(date +%s) + 30)); then
    tell warning "the engine does not respond; these containers ran before its restart: $(listed $ran)"
    return 0
  fi
  down=$(without "$ran" "$(containers)")
  removed=$(without "$down" "$(containers --all)")
  down=$(without "$down" "$removed")
  [ -z "$removed" ] || tell warning "removed by the engine's restart because they were started with --rm: $(listed $removed)"
  [ -n "$down" ] || { rm -f "$noted"; return 0; }
  step 'starting the containers that ran'
  output=$(timeout 120 $engine start $down 2>&1)
  silent=
  for name in $down; do
    printf '%s\n' "$output" | grep -qxF -e "$name" || silent="$silent$name "
  done
  [ -z "$silent" ] || tell warning "containers that ran before the restart do not run again: $(listed $silent)
$(printf '%s\n' "$output" | grep '^Error response')"
  for name in $(without "$paused" "$silent$removed"); do
    $engine pause "$name" >/dev/null 2>&1
  done
  rm -f "$noted"
}
