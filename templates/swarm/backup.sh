[ -d "$root/swarm/raft" ] || give_up "there is no state of a manager in $root/swarm"
temp=$(mktemp -d "$root/belt-backup.XXXXXX") || give_up "cannot create a directory in $root"
printf %s {{manifest}} | base64 -d >"$temp/belt-backup.json"
ln -s "$root/swarm" "$temp/swarm"
stop_engine
step 'copying the state'
problem=$(timeout 300 tar -C "$temp" -chzf "$temp/backup" belt-backup.json swarm 2>&1 </dev/null) ||
  give_up "cannot copy $root/swarm" "$problem"
# The engine starts before the download.
start_engine
tell size "$(($(wc -c <"$temp/backup")))"
step 'downloading the backup'
timeout 3600 cat "$temp/backup" >&3 || give_up 'cannot send the backup'
