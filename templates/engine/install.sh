{{prelude}}
# Installs or upgrades the engine, which packages restart themselves, most of them. What programs print goes to standard error.

# A new machine of a cloud is busy with itself at first, with the package manager too.
if command -v cloud-init >/dev/null; then
  [ -e /run/cloud-init/result.json ] || step 'waiting for cloud-init'
  timeout 600 cloud-init status --wait >/dev/null 2>&1
fi

install_engine() {
{{script}}
}

# In a shell of its own: a step that fails ends it with `exit`, a broken connection with a signal. Containers are looked after all the same.
trap '' HUP INT TERM PIPE
note_containers
(trap - HUP INT TERM PIPE; install_engine)
code=$?
wake_containers
if [ "$code" -eq 0 ]; then tell done ''; else tell failed 'the packages could not be installed'; fi
