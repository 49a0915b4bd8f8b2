#!/bin/bash
# Does what "belt create 512mb node[1:4]" to "belt docker node ls" do, with the bare tools only, as the
# baseline for belt. Prints the name and the milliseconds of each part, and cleans up.
# Arguments: IMAGE_ROOT EMPTY_FOLDER BRIDGE FIRST_24_BITS COUNT
# Example: /var/lib/belt/images/debian-13/1 /tmp/floor beltb0 10.240.7 4
set -euo pipefail
image=$1 folder=$2 bridge=$3 net=$4 count=$5
nodes=$(seq 1 "$count")
export LC_ALL=C.UTF-8

main() {
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  begin=${EPOCHREALTIME/./}

  make_network
  ssh-keygen -q -t ed25519 -N '' -f "$folder/id"
  for n in $nodes; do
    prepare "$n"
    boot "$n"
  done
  for n in $nodes; do wait_for_engine "$n" & waits[n]=$!; done
  for n in $nodes; do wait "${waits[n]}"; done
  part create

  on 1 docker swarm init --advertise-addr "$(address 1)" >/dev/null
  part 'docker swarm init'

  token=$(on 1 docker swarm join-token --quiet worker)
  for n in $nodes; do
    [ "$n" = 1 ] || { on "$n" docker swarm join --token "$token" "$(address 1):2377" >/dev/null & joins[n]=$!; }
  done
  for n in $nodes; do [ "$n" = 1 ] || wait "${joins[n]}"; done
  part 'swarm join'

  until [ "$(on 1 docker node ls | grep -c ' Ready ')" = "$count" ]; do sleep 0.05; done
  part 'docker node ls'
}

address() { echo "$net.$(($1 + 1))"; }

part() {
  local now=${EPOCHREALTIME/./}
  echo "$1=$(((now - begin) / 1000))"
  begin=$now
}

make_network() {
  ip link add "$bridge" type bridge
  ip address add "$net.1/24" dev "$bridge"
  ip link set "$bridge" up
  iptables --wait 10 -I FORWARD -i "$bridge" -o "$bridge" -j ACCEPT
}

# Writes the machine's name, address and keys to its layer over the image.
prepare() {
  local machine=$folder/node$1 etc=$folder/node$1/upper/etc
  mkdir -p "$etc/ssh" "$etc/systemd/network" "$machine/work" "$machine/root" "$machine/docker"
  mkdir -p -m 700 "$machine/upper/root/.ssh"
  chmod 755 "$machine/upper"
  chmod 700 "$machine/upper/root"
  echo "node$1" >"$etc/hostname"
  printf '127.0.0.1 localhost\n%s node%s\n' "$(address "$1")" "$1" >"$etc/hosts"
  printf '[Match]\nName=host0\n[Network]\nAddress=%s/24\nGateway=%s.1\nIPv6AcceptRA=no\n' "$(address "$1")" "$net" \
    >"$etc/systemd/network/10-floor.network"
  tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id"
  : >"$etc/resolv.conf"
  ssh-keygen -q -t ed25519 -N '' -C "node$1" -f "$etc/ssh/ssh_host_ed25519_key"
  echo "node$1 $(cat "$etc/ssh/ssh_host_ed25519_key.pub")" >>"$folder/known_hosts"
  install -m 600 "$folder/id.pub" "$machine/upper/root/.ssh/authorized_keys"
}

# Boots in a mount namespace, so that the overlay disappears with the machine. On a computer with
# systemd, machined creates the control groups; elsewhere each machine needs its own.
boot() {
  local machine=$folder/node$1 alone=(--register=no --keep-unit)
  [ ! -d /run/systemd/system ] || alone=()
  [ -d /sys/fs/cgroup/unified ] && export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
  export SYSTEMD_NSPAWN_LOCK=0
  unshare --mount --propagation slave sh -ec '
    machine=$1 image=$2 group=$3; shift 3
    if [ ! -d /run/systemd/system ]; then
      for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        [ -e "$hierarchy/cgroup.procs" ] || continue
        mkdir -p "$hierarchy/$group"
        echo $$ >"$hierarchy/$group/cgroup.procs"
      done
    fi
    mount -t overlay -o "lowerdir=$image,upperdir=$machine/upper,workdir=$machine/work" overlay "$machine/root"
    exec "$@"
  ' sh "$machine" "$image" "$bridge-node$1" \
    systemd-nspawn --boot "${alone[@]}" --settings=no --link-journal=no --resolv-conf=off --timezone=off --console=read-only \
    --directory="$machine/root" --machine="$bridge-node$1" --hostname="node$1" --network-bridge="$bridge" --capability=all \
    --system-call-filter='add_key keyctl bpf' --private-users=no --bind="$machine/docker:/var/lib/docker" \
    </dev/null >"$machine/log" 2>&1 &
  machines[$1]=$!
}

wait_for_engine() {
  until timeout 0.2 bash -c "</dev/tcp/$(address "$1")/22" 2>/dev/null; do sleep 0.02; done
  until on "$1" docker version >/dev/null 2>&1; do sleep 0.05; done
}

on() {
  local n=$1
  shift
  ssh -F none -i "$folder/id" -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR \
    -o UserKnownHostsFile="$folder/known_hosts" -o HostKeyAlias="node$n" "root@$(address "$n")" "$@" </dev/null
}

# A killed systemd-nspawn leaves its guest's processes in its control group.
clean_up() {
  trap - EXIT INT TERM
  set +e
  for n in $nodes; do [ -z "${waits[n]:-}" ] || kill "${waits[n]}" 2>/dev/null; done
  for n in $nodes; do [ -z "${machines[n]:-}" ] || kill -KILL "${machines[n]}" 2>/dev/null; done
  wait
  for n in $nodes; do
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
      remove_group "$hierarchy/$bridge-node$n"
    done
    for place in propagate unix-export; do
      local path=/run/systemd/nspawn/$place/$bridge-node$n
      [ ! -e "$path" ] || { umount "$path" 2>/dev/null; rmdir "$path"; }
    done
  done
  iptables --wait 10 -D FORWARD -i "$bridge" -o "$bridge" -j ACCEPT
  ip link delete "$bridge"
  rm -rf --one-file-system "$folder"
} 2>/dev/null

remove_group() {
  [ -d "$1" ] || return 0
  [ ! -e "$1/cgroup.kill" ] || echo 1 >"$1/cgroup.kill"
  for _ in $(seq 100); do
    find "$1" -depth -type d -exec rmdir {} + && return 0
    sleep 0.02
  done
}

declare -a machines waits joins
main
