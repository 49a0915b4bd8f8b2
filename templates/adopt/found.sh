{{prelude}}
# Reports the original state of a server: the files, folders and units that belt may change. The
# report is encoded between two lines with a random mark, so text that a login prints does not
# matter. Does not start the engine.

encoded() {
  base64 | tr -d '\n'
}

found() {
  for path in {{files}}; do
    if [ -L "$path" ]; then
      printf 'link %s %s\n' "$path" "$(readlink "$path" | encoded)"
    elif [ -f "$path" ]; then
      printf 'file %s %s %s\n' "$path" "$(stat -c '%a %u %g' "$path")" "$(encoded <"$path")"
    fi
  done
  for path in {{folders}}; do
    [ ! -d "$path" ] || printf 'folder %s\n' "$path"
  done
  for key in {{kernel}}; do
    printf 'kernel %s %s\n' "$key" "$(sysctl -n "$key")"
  done
  if [ -d /run/systemd/system ]; then
    for unit in docker.service docker.socket; do
      printf 'unit %s %s %s\n' "$unit" "$(systemctl is-active "$unit")" "$(systemctl is-enabled "$unit")"
    done
  elif command -v rc-update >/dev/null; then
    enabled=disabled active=inactive
    if rc-update show default | grep -qw docker; then enabled=enabled; fi
    if rc-service docker status; then active=active; fi >/dev/null
    printf 'unit docker %s %s\n' "$active" "$enabled"
  fi
  if pidof dockerd >/dev/null; then
    for name in $(containers); do
      printf 'container %s\n' "$name"
    done
    printf 'swarm %s\n' "$($engine info --format '{{.Swarm.NodeID}}')"
  fi
}

printf '\n%s begin\n' {{mark}}
found 2>/dev/null | base64
printf '\n%s end\n' {{mark}}
