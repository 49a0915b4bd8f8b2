# Read by `sh -s` on a machine that cannot join a swarm, and on a manager: probes the network path to
# other nodes. Needs no privileges, changes nothing, and ends within seconds: probes run in parallel.
LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export LC_ALL PATH

has() {
  command -v "$1" >/dev/null 2>&1
}

# meaning COMPLAINT OTHERWISE
meaning() {
  case $1 in
    *refused*) echo refused ;;
    *'No route'* | *unreachable* | *prohibited*) echo unreachable ;;
    *) echo "$2" ;;
  esac
}

tcp() {
  if has bash && has timeout; then
    output=$(timeout 3 bash -c "exec 3<>/dev/tcp/$1/$2" 2>&1)
    case $? in
      0) echo open ;;
      124 | 143) echo silent ;;
      *) meaning "$output" unknown ;;
    esac
  elif has nc; then
    if output=$(nc -z -w 3 "$1" "$2" 2>&1); then echo open; else meaning "$output" silent; fi
  else
    echo unknown
  fi
}

# A dropped packet looks like one that arrived; a refused one is an error of the next write.
udp() {
  if has bash && has timeout; then
    output=$(timeout 3 bash -c "exec 3<>/dev/udp/$1/$2; for i in 1 2 3; do printf x >&3 || exit; sleep 0.3; done" 2>&1)
    meaning "$output" unknown
  else
    echo unknown
  fi
}

device() {
  ip -o route get "$1" 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p'
}

# Checks that packets of the interface's MTU arrive unfragmented; 48 bytes are headers.
ping_full() {
  if ! has ping || ! ping -c 1 -W 2 -M do -s 56 "$1" >/dev/null 2>&1; then
    echo unknown
  elif ping -c 1 -W 2 -M do -s $(($2 - 48)) "$1" >/dev/null 2>&1; then
    echo whole
  else
    echo lost
  fi
}

probe() {
  for port in 2377 7946; do
    (result=$(tcp "$1" $port); echo "tcp $1 $port $result") &
  done
  for port in 7946 4789; do
    (result=$(udp "$1" $port); echo "udp $1 $port $result") &
  done
  (
    interface=$(device "$1")
    mtu=$(cat "/sys/class/net/$interface/mtu" 2>/dev/null) || exit
    result=$(ping_full "$1" "$mtu")
    echo "mtu $1 $interface $mtu $result"
  ) &
  wait
}

echo "clock $(date +%s)"
for host in {{hosts}}; do
  probe "$host" &
done
wait
echo end
