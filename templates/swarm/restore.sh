temp=$(mktemp -d "$root/belt-restore.XXXXXX") || give_up "cannot create a directory in $root"
step 'unpacking the backup'
problem=$(timeout 3600 tar -C "$temp" -xzf - 2>&1) || give_up 'cannot unpack the backup' "$problem"
[ -e "$temp/swarm/certificates/swarm-node.key" ] && [ -e "$temp/swarm.end" ] || give_up 'the backup arrived incomplete'
stop_engine
if [ -n "$(ls -A "$root/swarm" 2>/dev/null)" ]; then
  mv "$root/swarm" "$root/swarm.{{suffix}}" || give_up "cannot move $root/swarm aside"
  tell aside "$root/swarm.{{suffix}}"
fi
rmdir "$root/swarm" 2>/dev/null
mv "$temp/swarm" "$root/swarm" || give_up "cannot put the backup into $root"
if command -v restorecon >/dev/null; then restorecon -R "$root/swarm"; fi
