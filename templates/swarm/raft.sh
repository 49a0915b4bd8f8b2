cd "$root/swarm" 2>/dev/null || give_up "there is no state of a manager in $root/swarm"
segment=$(ls raft/wal*/*.wal 2>/dev/null | tail -n 1)
[ -n "$segment" ] || give_up "there is no raft log in $root/swarm"
timeout 600 tar -chzf - certificates/swarm-node.crt certificates/swarm-node.key "$segment" >&3 ||
  give_up 'cannot read the raft log'
