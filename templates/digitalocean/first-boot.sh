# For cloud-init's bootcmd, before the SSH server starts: installs the host key that belt has pinned
# for the machine. One call creates several droplets with the same user data; each one picks its key
# by its name. Runs once per instance, so it does not revert later changes of the key.
set -eu
umask 077
done="/var/lib/belt/first-boot-${INSTANCE_ID:-once}"
[ ! -e "$done" ] || exit 0

name=$(cloud-init query local_hostname 2>/dev/null || hostname)
case "$(printf %s "$name" | tr A-Z a-z)" in
{{keys}}
*) echo "belt made no host key for \"$name\"" >&2; exit 1 ;;
esac

rm -f /etc/ssh/ssh_host_*
printf '%s\n' "$private" > /etc/ssh/ssh_host_ed25519_key
printf '%s\n' "$public" > /etc/ssh/ssh_host_ed25519_key.pub
chmod 644 /etc/ssh/ssh_host_ed25519_key.pub

mkdir -p /var/lib/belt
: > "$done"
