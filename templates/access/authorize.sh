# One more key may log in as this user; those that may already stay.
key={{key}}
file=$HOME/.ssh/authorized_keys
umask 077
mkdir -p "$HOME/.ssh" || exit 1
[ -e "$file" ] && grep -qxF -e "$key" "$file" && exit 0
# A last line that does not end would run on into the new one.
[ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ] && echo >>"$file"
printf '%s\n' "$key" >>"$file"
