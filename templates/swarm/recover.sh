[ -d "$root/swarm/raft" ] || give_up "there is no state of a manager in $root/swarm"
temp=$(mktemp -d "$root/belt-recover.XXXXXX") || give_up "cannot create a directory in $root"
# The decrypted key of a manager with autolock.
cat >"$temp/key"
stop_engine
step 'backing up the swarm state'
problem=$(cp -a "$root/swarm" "$root/swarm.{{suffix}}" 2>&1) || {
  rm -rf "$root/swarm.{{suffix}}"
  give_up "cannot copy $root/swarm" "$problem"
}
tell copy "$root/swarm.{{suffix}}"
if [ -s "$temp/key" ]; then
  key=$root/swarm/certificates/swarm-node.key
  { cat "$temp/key" >"$key.belt-new" && mv -f "$key.belt-new" "$key"; } || give_up 'cannot write the key'
fi
# Without the first file the engine starts outside of a swarm and accepts --force-new-cluster. The
# second one holds the addresses of the managers.
rm -f "$root/swarm/docker-state.json" "$root/swarm/state.json"
