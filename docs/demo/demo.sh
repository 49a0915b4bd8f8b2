#!/usr/bin/env bash
# Builds a swarm from scratch on real machines: four systemd guests of this computer, each with its
# own Docker Engine, one service, and an HTTP response from every node. `npm run demo` builds belt and
# runs this; `--clean` removes the machines and their records.
set -euo pipefail
cd "$(dirname "$0")/../.."

belt() { node bin/run.js "$@"; }

# Prints a command as you would type it, then runs it.
run() {
  local word line=
  for word in "$@"; do
    [[ $word =~ ^[][[:alnum:]_./:=,@%+-]+$ ]] || word=${word@Q}
    line+=" $word"
  done
  printf '\n\e[1;32m$\e[0m\e[1m%s\e[0m\n' "$line"
  "$@"
}

# Sends an HTTP request with bash alone, and retries until the task listens.
get() {
  local try
  for try in $(seq 50); do
    if (exec 3<>"/dev/tcp/$1/8080" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && sed '1,/^\r$/d' <&3) 2>/dev/null; then
      return
    fi
    sleep 0.2
  done
  echo "no response from $1" >&2
  return 1
}

# Keeps the demo's state in this folder, apart from your other machines.
mkdir -p .belt

if [ "${1:-}" = --clean ]; then
  run belt rm --all --yes
  rm -rf .belt/default
  rmdir --ignore-fail-on-non-empty .belt
  exit
fi

run belt doctor --fix -d nspawn
run belt create 512mb 'node[1:4]'
run belt active node1
run belt docker swarm init
run belt swarm join node1 'node[2:4]'

printf '\n\e[1;32m$\e[0m \e[1mbelt exec node[1:4] -- "$(cat docs/demo/web-image.sh)"\e[0m\n'
belt exec 'node[1:4]' -- "$(cat docs/demo/web-image.sh)"

run belt docker service create --quiet --name web --replicas 4 --hostname '{{.Node.Hostname}}' --no-resolve-image \
  --publish mode=host,published=8080,target=80 web:1 \
  sh -c 'echo "hello from $(hostname)" > /www/index.html; exec httpd -f -p 80 -h /www'
run belt docker service ls
run belt docker node ls

for node in node1 node2 node3 node4; do
  address=$(belt ip "$node")
  printf '\n\e[1;32m$\e[0m \e[1mcurl http://%s:8080/\e[0m\n' "$address"
  get "$address"
done

cat <<'END'

Four machines, one swarm, one service. Look around, then remove them:

  bin/run.js ls
  bin/run.js docker service ps web
  bin/run.js ssh node2
  npm run demo -- --clean
END
