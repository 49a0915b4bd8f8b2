# Runs as `sh -c` in its own mount namespace and becomes the machine's systemd-nspawn. Enters the
# machine's control groups, mounts its root in the namespace (so the mount disappears with the
# machine, however it ends), and records its process.
# Arguments: PROCESS_FILE ROOT OVERLAY_OPTIONS [CGROUP_PROCS_FILE...] -- COMMAND [ARGUMENT...]
set -eu
umask 022
process_file=$1 root=$2 options=$3
shift 3
while [ "$1" != -- ]; do
  echo $$ >"$1"
  shift
done
shift
mount -t overlay -o "$options" overlay "$root"
cat /proc/$$/stat /proc/sys/kernel/random/boot_id >"$process_file.new"
mv "$process_file.new" "$process_file"
exec "$@"
