# Adds an authorized key for this user and keeps the others.
key={{key}}
file=$HOME/.ssh/authorized_keys
umask 077
mkdir -p "$HOME/.ssh" || exit 1
[ -e "$file" ] && grep -qxF -e "$key" "$file" && exit 0
# A last line without a line end would merge with the new one.
[ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ] && echo >>"$file"
printf '%s\n' "$key" >>"$file"
