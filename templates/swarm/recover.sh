[ -d "$root/swarm/raft" ] || give_up "there is no state of a manager in $root/swarm"
temp=$(mktemp -d "$root/belt-recover.XXXXXX") || give_up "cannot make a folder in $root"
# The decrypted key of a manager with autolock.
cat >"$temp/key"
stop_engine
step 'keeping a copy'
problem=$(cp -a "$root/swarm" "$root/swarm.{{suffix}}" 2>&1) || {
  rm -rf "$root/swarm.{{suffix}}"
  give_up "cannot copy $root/swarm" "$problem"
}
tell copy "$root/swarm.{{suffix}}"
if [ -s "$temp/key" ]; then cat "$temp/key" >"$root/swarm/certificates/swarm-node.key" || give_up 'cannot write the key'; fi
# Without it the engine starts outside of any swarm and accepts --force-new-cluster.
rm -f "$root/swarm/docker-state.json"
