# From belt, for cloud-init's bootcmd: before the SSH server starts, gives the machine the host key that belt made for it, so
# that belt knows whom it talks to at the first connection. One call makes several droplets with the same user data; each takes
# its own key by its name. Once an instance: what becomes of the key later is not undone at the next boot.
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
