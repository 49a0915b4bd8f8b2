{{prelude}}
# Writes files, restarts the engine if needed, waits until it responds, and restarts the containers
# that were running. If anything fails, restores everything and reports the engine's log. If it is
# killed, its marks make the next run repeat what follows the files.
umask 077
# A broken connection must not leave this half done.
trap '' HUP INT TERM PIPE
began=$(date +%s)

# Scripts that were killed leave their folders, and new files with the server key beside the old ones.
for folder in /run/belt.*/; do
  if [ ! -e "$folder/pid" ] || [ -d "/proc/$(cat "$folder/pid")" ]; then continue; fi
  for list in "$folder"*.path; do
    [ ! -e "$list" ] || rm -f "$(cat "$list").belt-new"
  done
  rm -rf "$folder"
done

saved=$(mktemp -d /run/belt.XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$saved"' EXIT
echo $$ >"$saved/pid"
count=0
begun=
placed=
restarting=
was_active=

# stage PATH MODE BASE64 [shared]: writes the new file next to the old one, so that a full disk is
# detected before any change. A shared file keeps its owner and mode.
stage() {
  if [ -L "$1" ]; then
    target=$(readlink -f "$1")
    shift
    set -- "$target" "$@"
  fi
  count=$((count + 1))
  printf %s "$1" >"$saved/$count.path"
  folder=$(dirname "$1")
  [ -d "$folder" ] || (umask 022 && mkdir -p "$folder") || give_up "cannot create $folder"
  problem=$({ begin "$@" && printf %s "$3" | base64 -d >"$1.belt-new"; } 2>&1) || give_up "cannot write $1: $problem"
}

begin() {
  if [ -n "${4-}" ] && [ -e "$1" ]; then
    cp -p "$1" "$1.belt-new"
  else
    : >"$1.belt-new" && chmod "$2" "$1.belt-new"
  fi
}

each_file() {
  number=0
  while [ "$number" -lt "$count" ]; do
    number=$((number + 1))
    path=$(cat "$saved/$number.path")
    "$1"
  done
}

place() {
  if [ -e "$path" ]; then cp -p "$path" "$saved/$number.old" || give_up "cannot copy $path"; fi
  : >"$saved/$number.placed"
  mv -f "$path.belt-new" "$path" || give_up "cannot write $path"
  if command -v restorecon >/dev/null; then restorecon "$path"; fi
}

unstage() {
  rm -f "$path.belt-new"
}

# In reverse order. Like before `place`, the new file lies next to the old one until all are back.
put_back_files() {
  number=$count
  while [ "$number" -gt 0 ]; do
    path=$(cat "$saved/$number.path")
    [ ! -e "$saved/$number.placed" ] || put_back
    number=$((number - 1))
  done
  each_file unstage
}

put_back() {
  cp -p "$path" "$path.belt-new"
  if [ ! -e "$saved/$number.old" ]; then rm -f "$path"; return; fi
  cp -p "$saved/$number.old" "$path.belt-old" && mv -f "$path.belt-old" "$path"
}

run_as_before() {
  if [ -z "$was_active" ]; then { {{stop}}; } >&2; return; fi
  timeout 30 sh -c '{{restart}}' >&2
  [ -z "$answered" ] || await_engine $(($(date +%s) + 10))
  wake_containers
}

# give_up WHY [LOG]
give_up() {
  each_file unstage
  tell failed "$1"
  [ -z "${2-}" ] || tell log "$2"
  if [ -n "$placed" ]; then
    put_back_files
    { {{reload}}; } >&2
    [ -z "$restarting" ] || run_as_before
  fi
  end_change $begun
  exit 1
}

# Refuses options that the engine would not start with (Docker 23 and later can validate them).
validate() {
  command -v dockerd >/dev/null && [ -e /etc/docker/daemon.json ] || return 0
  dockerd --help 2>/dev/null | grep -q -- --validate || return 0
  problem=$(dockerd --validate --config-file /etc/docker/daemon.json 2>&1) || give_up 'the engine refuses daemon.json' "$problem"
}

restart_engine() {
  restarting=yes
  if {{isActive}}; then was_active=yes; fi
  step 'restarting the engine'
  { {{enable}}; } >&2
  note_containers
  deadline=$(($(date +%s) + {{restartSeconds}}))
  timeout {{restartSeconds}} sh -c '{{restart}}' >&2
  code=$?
  [ "$code" -ne 124 ] || give_up 'the engine did not start within {{restartSeconds}} s' "$({ {{journal}}; } 2>&1)"
  [ "$code" -eq 0 ] || give_up 'the engine does not start' "$({ {{journal}}; } 2>&1)"
  await_engine "$deadline" || give_up "the engine does not respond: $version" "$({ {{journal}}; } 2>&1)"
  tell version "$version"
  wake_containers
}

# optional WHY COMMAND: a failure is only a warning.
optional() {
  step "$1"
  problem=$(sh -c "$2" 2>&1) || tell warning "$1: $problem"
}

# begin: sets the marks. Those of an earlier run stay if this one fails.
begin_changes() {
  for name in {{changes}}; do
    [ -e "$unfinished.$name" ] || begun="$begun $name"
    begin_change "$name" || give_up 'cannot write to /run'
  done
}

{{files}}
begin_changes
placed=yes
each_file place
{{commands}}
{{finish}}
end_change {{changes}}
tell done ''
