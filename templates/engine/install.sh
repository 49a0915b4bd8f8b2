# Read by `sh -s` on a machine, as root: installs or upgrades the engine. What programs print goes to standard error; answers are lines that
# begin with a random mark.
LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export LC_ALL PATH

tell() {
  printf '\n%s %s %s\n' {{mark}} "$1" "$(printf %s "$2" | base64 | tr -d '\n')"
}

step() {
  tell step "$1"
}

# A new machine of a cloud is busy with itself at first, with the package manager too.
if command -v cloud-init >/dev/null; then
  [ -e /run/cloud-init/result.json ] || step 'waiting for cloud-init'
  timeout 600 cloud-init status --wait >/dev/null 2>&1
fi

install_engine() {
{{script}}
}

# In a shell of its own: a step that fails ends it with `exit`.
if (install_engine); then tell done ''; else tell failed 'the packages could not be installed'; fi
