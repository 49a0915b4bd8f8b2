{{prelude}}
# Restores the original state of a server.
umask 077
# A broken connection must not leave this half done.
trap '' HUP INT TERM PIPE
# Files that an earlier run restored count as changed.
changed=
[ ! -e "$unfinished.engine" ] || changed=yes

give_up() {
  tell failed "$1"
  exit 1
}

# leave_swarm NODE: stays in the swarm that it was a node of originally.
leave_swarm() {
  node=$(pidof dockerd >/dev/null && $engine info --format "{{.Swarm.NodeID}}" 2>/dev/null)
  [ -n "$node" ] && [ "$node" != "$1" ] || return 0
  problem=$($engine swarm leave --force 2>&1) || give_up "it does not leave its swarm: $problem"
}

# absent PATH
absent() {
  rm -f "$1.belt-new"
  [ -e "$1" ] || [ -L "$1" ] || return 0
  rm -f "$1" || give_up "cannot remove $1"
  changed=yes
}

# file PATH MODE UID GID BASE64
file() {
  problem=$({ printf %s "$5" | base64 -d >"$1.belt-new" && chmod "$2" "$1.belt-new" && chown "$3:$4" "$1.belt-new"; } 2>&1) ||
    { rm -f "$1.belt-new"; give_up "cannot write $1: $problem"; }
  if [ ! -L "$1" ] && cmp -s "$1.belt-new" "$1"; then
    rm -f "$1.belt-new"
    return 0
  fi
  mv -f "$1.belt-new" "$1" || give_up "cannot write $1"
  changed=yes
}

# link PATH TARGET-BASE64
link() {
  target=$(printf %s "$2" | base64 -d)
  [ "$(readlink "$1")" = "$target" ] && return 0
  rm -f "$1" && ln -s "$target" "$1" || give_up "cannot write $1"
  changed=yes
}

# content PATH BASE64: keeps owner, mode and symbolic links.
content() {
  printf %s "$2" | base64 -d | cmp -s - "$1" && return 0
  target=$(readlink -f "$1")
  problem=$({ cp -p "$target" "$target.belt-new" && printf %s "$2" | base64 -d >"$target.belt-new"; } 2>&1) ||
    { rm -f "$target.belt-new"; give_up "cannot write $1: $problem"; }
  mv -f "$target.belt-new" "$target" || give_up "cannot write $1"
  changed=yes
}

# no_folder PATH: keeps a folder that is not empty.
no_folder() {
  rmdir "$1" 2>/dev/null || true
}

# enabled UNIT STATE
enabled() {
  [ "$(systemctl is-enabled "$1" 2>/dev/null)" != "$2" ] || return 0
  case $2 in
    enabled) systemctl enable --quiet "$1" ;;
    disabled) systemctl disable --quiet "$1" ;;
    masked) systemctl mask --quiet "$1" ;;
  esac
}

# restart COMMAND
restart() {
  note_containers
  problem=$(sh -c "$1" 2>&1) || give_up "the engine does not start: $problem"
  [ -z "$answered" ] || await_engine $(($(date +%s) + 30)) || give_up "the engine does not respond: $version"
  wake_containers
}

begin_change engine || give_up 'cannot write to /run'
{{steps}}
end_change engine
tell done "$changed"
