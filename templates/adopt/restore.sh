# Read by `sh -s` on a server, as root: puts back what was there before belt came. Answers are lines that begin with a random mark.
LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export LC_ALL PATH
umask 077
changed=

tell() {
  printf '\n%s %s %s\n' {{mark}} "$1" "$(printf %s "$2" | base64 | tr -d '\n')"
}

give_up() {
  tell failed "$1"
  exit 1
}

# absent PATH
absent() {
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

# from_copy PATH COPY: a file that came with an engine which belt installed, and belt then changed.
from_copy() {
  [ -e "$2" ] || return 0
  cat "$2" >"$1" || give_up "cannot write $1"
  changed=yes
}

# no_folder PATH: one that somebody else has put something into stays.
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

# restart COMMAND: with the containers that run, which a restart stops.
restart() {
  running=$(docker ps --no-trunc --format {{containerFormat}} 2>/dev/null | while read -r id task; do [ -n "$task" ] || echo "$id"; done)
  problem=$(sh -c "$1" 2>&1) || give_up "the engine does not start: $problem"
  [ -z "$running" ] || docker start $running >/dev/null || give_up 'not all containers run again'
}

{{steps}}
tell done "$changed"
