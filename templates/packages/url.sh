# Downloads the user's install script completely before it runs; it need not be executable.
url={{url}}
file=$(mktemp) || exit 1
trap 'rm -f "$file"' EXIT
step "downloading $url"
if command -v curl >/dev/null; then curl -fsSL "$url" -o "$file"; else wget -q -O "$file" "$url"; fi || exit 1
step "running $url"
sh "$file" >&2 || exit 1
