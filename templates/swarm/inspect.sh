cd "$root/swarm" 2>/dev/null && [ -e certificates/swarm-node.crt ] && {
  tell certificate "$(cat certificates/swarm-node.crt)"
  if grep -q 'BEGIN ENCRYPTED PRIVATE KEY' certificates/swarm-node.key; then tell key "$(cat certificates/swarm-node.key)"; fi
  for segment in raft/wal*/*.wal; do
    [ ! -e "$segment" ] || tell segment "$root/swarm/$segment"
  done
}
