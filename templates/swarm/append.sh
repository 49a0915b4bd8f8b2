# The engine is outside the swarm and does not write to the log.
segment=$root/swarm/{{segment}}
temp=$(mktemp -d "$root/belt-append.XXXXXX") || give_up "cannot create a directory in $root"
cat >"$temp/records"
[ "$(($(wc -c <"$temp/records")))" = {{bytes}} ] || give_up 'the records arrived incomplete'
step 'writing the address of the manager'
problem=$({
  head -c {{end}} "$segment" &&
    cat "$temp/records" &&
    tail -c +$(({{end}} + {{bytes}} + 1)) "$segment"
} 2>&1 >"$temp/segment") || give_up 'cannot write the raft log' "$problem"
mv -f "$temp/segment" "$segment" || give_up 'cannot write the raft log'
