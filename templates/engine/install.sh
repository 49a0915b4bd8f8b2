{{prelude}}
# Installs or upgrades the engine. Most packages restart it themselves. Output of programs goes to
# standard error.

# cloud-init of a new machine may still use the package manager.
if command -v cloud-init >/dev/null; then
  [ -e /run/cloud-init/result.json ] || step 'waiting for cloud-init'
  timeout 600 cloud-init status --wait >/dev/null 2>&1
fi

install_engine() {
{{script}}
}

# Most packages restart the engine themselves.
restart_if_stale() {
  running=$($engine version --format '{{.Server.Version}}' 2>/dev/null)
  case $(dockerd --version) in
  *" $running,"*) ;;
  *)
    step 'restarting the engine'
    if command -v systemctl >/dev/null; then systemctl daemon-reload; systemctl restart docker.service; else rc-service docker restart; fi >&2 || exit 1
    ;;
  esac
}

# In a subshell: a failed step ends it with `exit`, a broken connection with a signal. Containers
# are restarted in both cases.
trap '' HUP INT TERM PIPE
note_containers
(trap - HUP INT TERM PIPE; install_engine)
code=$?
wake_containers
if [ "$code" -eq 0 ]; then tell done ''; else tell failed 'the packages could not be installed'; fi
