{{prelude}}
# Deletes the given paths, then lists what killed scripts left, and the swarm states that recover and
# restore kept.
for path in {{deleted}}; do
  rm -rf "$path"
done
find_data_root
{
  for folder in /run/belt.*/; do
    if [ -e "$folder/pid" ] && [ ! -d "/proc/$(cat "$folder/pid")" ]; then echo "${folder%/}"; fi
  done
  find /etc /var/lib/boot2docker -xdev -name '*.belt-new'
  ls -d "$root"/swarm.before-recover-* "$root"/swarm.before-restore-*
} 2>/dev/null | while IFS= read -r path; do
  tell path "$path"
done
tell done yes
