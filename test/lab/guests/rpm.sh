# Runs in a Debian guest: makes it a system with rpm packages. Real: Debian's builds of rpm, dnf and
# zypper, and the packages, which contain the guest's engine under the names and paths of Docker,
# Amazon and SUSE. Emulated: https://download.docker.com, served from here with its own CA, and
# SUSEConnect. /var/log/calls lists each call of a package manager.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends rpm dnf zypper createrepo-c >/dev/null 2>&1

parts=/srv/parts
engine='/usr/sbin/dockerd /usr/sbin/docker-proxy /usr/bin/docker-init'
runtime="/usr/bin/containerd /usr/bin/containerd-shim-runc-v2 $(command -v runc)"
units=/usr/lib/systemd/system

# part PACKAGE START_COMMAND FILE...: defines a package. A start command adds docker.service.
part() {
  root=$parts/$1 command=$2
  shift 2
  mkdir -p "$root/usr/bin" "$root$units"
  for file; do
    case $file in *.service | *.socket) cp "$file" "$root$units/" ;; *) cp "$file" "$root/usr/bin/" ;; esac
  done
  [ -z "$command" ] || sed "s|^ExecStart=.*|ExecStart=$command|" $units/docker.service >"$root$units/docker.service"
}

# As in the units of Docker, Amazon and SUSE. SUSE has no docker.socket.
socket='-H fd:// --containerd=/run/containerd/containerd.sock'
part docker-ce "/usr/bin/dockerd $socket" $engine $units/docker.socket
part docker-ce-cli '' /usr/bin/docker
part containerd.io '' $runtime $units/containerd.service
part amazon/docker "/usr/bin/dockerd $socket \$OPTIONS" $engine /usr/bin/docker $units/docker.socket
part suse/docker '/usr/bin/dockerd $DOCKER_NETWORK_OPTIONS $DOCKER_OPTS' $engine /usr/bin/docker
sed -i '/docker\.socket/d' $parts/suse/docker$units/docker.service
for vendor in amazon suse; do
  part $vendor/containerd '' $runtime $units/containerd.service
  echo 'Requires: containerd' >$parts/$vendor/docker.requires
done

# pack FOLDER PART...: creates a repository in FOLDER/current with version 1.0 of each package, and
# one with 2.0 next to it.
pack() {
  folder=$1
  shift
  for version in 1.0 2.0; do
    mkdir -p "$folder/$version"
    for part; do
      {
        printf '%s\n' "Name: ${part##*/}" "Version: $version" 'Release: 1' 'Summary: an engine' 'License: as its parts' 'AutoReqProv: no'
        [ ! -e "$parts/$part.requires" ] || cat "$parts/$part.requires"
        printf '%s\n' %description . %install "cp -al $parts/$part/. %{buildroot}" %files
        (cd "$parts/$part" && find . -type f | sed 's/^\.//')
      } >/tmp/package.spec
      rpmbuild -bb --quiet --define "_rpmdir $folder/$version" --define '_binary_payload w0.ufdio' --define 'debug_package %{nil}' \
        --define '__os_install_post %{nil}' /tmp/package.spec >/dev/null
    done
    createrepo_c --quiet "$folder/$version"
  done
  ln -s 1.0 "$folder/current"
}

pack /srv/docker docker-ce docker-ce-cli containerd.io
pack /srv/amazon amazon/docker amazon/containerd
pack /srv/suse suse/docker suse/containerd

for system in centos/9 rhel/9 fedora/42; do
  folder=/srv/www/linux/$system/$(uname -m)
  mkdir -p "$folder"
  ln -s /srv/docker/current "$folder/stable"
  printf '%s\n' '[docker-ce-stable]' 'name=Docker CE Stable' enabled=1 gpgcheck=0 \
    "baseurl=https://download.docker.com/linux/${system%/*}/\$releasever/\$basearch/stable" >"${folder%/*/*}/docker-ce.repo"
done
cd /srv
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=download.docker.com -addext subjectAltName=DNS:download.docker.com \
  -keyout key.pem -out cert.pem 2>/dev/null
cp cert.pem /usr/local/share/ca-certificates/download.crt
update-ca-certificates >/dev/null 2>&1
echo '127.0.0.1 download.docker.com' >>/etc/hosts
cat >serve.py <<'END'
import functools, http.server, ssl
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/srv/www")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/srv/cert.pem", "/srv/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
END
systemd-run --quiet --unit=download python3 /srv/serve.py

for program in dnf zypper SUSEConnect; do
  {
    echo '#!/bin/sh'
    echo 'echo "${ZYPP_LOCK_TIMEOUT:+ZYPP_LOCK_TIMEOUT=$ZYPP_LOCK_TIMEOUT }${0##*/} $*" >>/var/log/calls'
    # The real SUSEConnect fetches a product's repositories from SUSE's server.
    if [ $program = SUSEConnect ]; then echo 'exec /usr/bin/zypper --quiet addrepo --no-gpgcheck --refresh /srv/suse/current Containers'; else echo "exec /usr/bin/$program \"\$@\""; fi
  } >/usr/local/bin/$program
  chmod +x /usr/local/bin/$program
done

apt-get purge -y -qq docker.io docker-cli containerd runc >/dev/null 2>&1
rm -rf /etc/docker
mkdir -p /etc/yum.repos.d /etc/dnf/vars
systemctl daemon-reload
