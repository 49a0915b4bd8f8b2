import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { versionOverTls } from '../lab/engine-answer.js';
import { runGuestScripts, setOsRelease } from '../lab/guests.js';
import { canCreateMachines } from '../lab/machines.js';
import type { osReleases } from '../lab/os-releases.js';
import { recordFault } from '../lab/record-fault.js';
import { type Servers, startServers } from '../lab/servers.js';

/**
 * Adopts systems that have no image here: guests that resemble them (test/lab/guests lists what is
 * real). Checks the calls of their programs, their files and their engines, not belt's output.
 */
describe.skipIf(!canCreateMachines())('other systems', () => {
  let belt: Belt;
  beforeEach(async () => {
    belt = await newBelt({ SSH_AUTH_SOCK: '' });
  });
  afterEach(() => belt.dispose());

  const adopt = (servers: Servers, name: string, ...more: string[]): Promise<string> =>
    belt.ok(
      [
        ...['create', '-d', 'generic', '--generic-ip-address', servers.address(name)],
        ...['--generic-ssh-key', servers.keyPath, ...more, name],
      ],
      { timeoutMs: 300_000 },
    );
  const version = (servers: Servers, name: string): Promise<string> =>
    versionOverTls(belt, servers.address(name));

  describe('with rpm packages: real dnf, zypper and systemd', () => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers(['red']);
      runGuestScripts(servers, 'red', 'rpm');
    });
    afterAll(() => servers?.dispose());
    afterEach(() => {
      servers.sh('red', withoutPackages);
    });

    const on = (script: string): string => servers.sh('red', script).trimEnd();
    const begin = (os: keyof typeof osReleases, release: string): void => {
      setOsRelease(servers, 'red', os);
      on(`echo ${release} >/etc/dnf/vars/releasever`);
    };
    const dockerPackages = ['containerd.io-1.0', 'docker-ce-1.0', 'docker-ce-cli-1.0'];

    test.each([
      ['rocky', '9', 'centos'],
      ['alma', '9', 'centos'],
      ['centos', '9', 'centos'],
      ['rhel', '9', 'rhel'],
      ['fedora', '42', 'fedora'],
    ] as const)(
      "%s %s installs Docker's packages from its repository for %s",
      async (os, release, folder) => {
        begin(os, release);
        await adopt(servers, 'red');
        expect(on('cat /var/log/calls')).toBe('dnf -q -y install docker-ce docker-ce-cli containerd.io');
        expect(on(packages)).toBe(dockerPackages.join('\n'));
        expect(on('grep baseurl /etc/yum.repos.d/docker-ce.repo')).toContain(`/linux/${folder}/${release}/`);
        expect(on(startCommand)).toBe(
          `/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock ${secured}`,
        );
        expect(on('systemctl is-enabled docker.service')).toBe('enabled');
        expect(await version(servers, 'red')).toBe(on("docker version --format '{{.Server.Version}}'"));
      },
    );

    test('Amazon Linux 2023 installs its own package', async () => {
      begin('amazon', '2023');
      on(
        `printf '%s\\n' '[amazonlinux]' name=Amazon baseurl=file:///srv/amazon/current gpgcheck=0 >/etc/yum.repos.d/amazon.repo`,
      );
      await adopt(servers, 'red');
      expect(on('cat /var/log/calls')).toBe('dnf -q -y install docker');
      expect(on(packages)).toBe('containerd-1.0\ndocker-1.0');
      expect(on('ls /etc/yum.repos.d')).toBe('amazon.repo');
      expect(on(startCommand)).toContain(secured);
      expect(await version(servers, 'red')).toMatch(/^26\./);
    });

    test('upgrade upgrades only installed packages, and refreshes the package lists', async () => {
      begin('rocky', '9');
      await adopt(servers, 'red');
      on('ln -sfn 2.0 /srv/docker/current; : >/var/log/calls');
      await belt.ok(['upgrade', 'red']);
      expect(on('cat /var/log/calls')).toBe(
        'dnf -q -y clean expire-cache\ndnf -q -y upgrade docker-ce docker-ce-cli containerd.io',
      );
      expect(on(packages)).toBe(dockerPackages.join('\n').replaceAll('1.0', '2.0'));
      expect(await version(servers, 'red')).toMatch(/^26\./);

      await belt.ok(['rm', '-y', 'red']);
      expect(on(startCommand)).toBe('/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock');
      expect(on(packages)).toContain('docker-ce-2.0');
    });

    test('openSUSE Leap installs its own package, and upgrades to the newer one', async () => {
      begin('leap', '15.6');
      on('/usr/bin/zypper --quiet addrepo --no-gpgcheck --refresh /srv/suse/current oss');
      await adopt(servers, 'red');
      expect(on('cat /var/log/calls')).toBe(zypper('install docker'));
      expect(on(packages)).toBe('containerd-1.0\ndocker-1.0');
      // The packaged command names no socket, and no docker.socket passes one.
      expect(on(startCommand)).toBe(`/usr/bin/dockerd --host=unix:///var/run/docker.sock ${secured}`);
      expect(await version(servers, 'red')).toMatch(/^26\./);

      on('ln -sfn 2.0 /srv/suse/current; : >/var/log/calls');
      await belt.ok(['upgrade', 'red']);
      expect(on('cat /var/log/calls')).toBe(zypper('update docker containerd'));
      expect(on(packages)).toBe('containerd-2.0\ndocker-2.0');
    });

    test('SLES 15 installs the engine from the Containers module, which belt adds', async () => {
      begin('sles', '15.6');
      await adopt(servers, 'red');
      expect(on('cat /var/log/calls').replace(on('uname -m'), 'MACHINE')).toBe(
        `ZYPP_LOCK_TIMEOUT=600 SUSEConnect -p sle-module-containers/15.6/MACHINE\n${zypper('install docker')}`,
      );
      expect(await version(servers, 'red')).toMatch(/^26\./);
    });

    test('SLES 16 installs the engine without a module', async () => {
      begin('sles16', '16.0');
      on('/usr/bin/zypper --quiet addrepo --no-gpgcheck /srv/suse/current SLES');
      await adopt(servers, 'red');
      expect(on('cat /var/log/calls')).toBe(zypper('install docker'));
      expect(await version(servers, 'red')).toMatch(/^26\./);
    });

    test("a package that cannot be installed is reported with the package manager's message", async () => {
      begin('amazon', '2023');
      await expect(adopt(servers, 'red')).rejects.toThrow(/the packages could not be installed.*repos/s);
    });
  });

  describe('Alpine: real OpenRC and busybox', () => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers(['alp']);
      runGuestScripts(servers, 'alp', 'busybox', 'alpine');
      setOsRelease(servers, 'alp', 'alpine');
      await servers.stop('alp');
      await servers.start('alp');
    });
    afterAll(() => servers?.dispose());

    const on = (script: string): string => servers.sh('alp', script).trimEnd();
    const options = "sed -n '/belt: begin/,/belt: end/p' /etc/conf.d/docker | grep DOCKER_OPTS";

    test('the guest has OpenRC and busybox', () => {
      expect(
        on('cat /proc/1/comm; for program in sh awk base64 stat timeout; do readlink -f /bin/$program; done'),
      ).toBe(['busybox', ...Array.from({ length: 5 }, () => '/usr/bin/busybox')].join('\n'));
      expect(on('ls /run/systemd /usr/bin/systemctl /usr/bin/sudo 2>/dev/null || true')).toBe('');
    });

    test("Alpine's engine is installed, secured and in the default runlevel, and stays when belt removes the machine", async () => {
      await adopt(servers, 'alp', '--engine-label', 'rack=7 $x');
      expect(on('cat /var/log/calls')).toBe(
        'apk --wait 600 --update-cache --no-progress add docker docker-cli',
      );
      expect(on(options)).toBe(
        `DOCKER_OPTS="$DOCKER_OPTS --host=unix:///var/run/docker.sock ${secured} '--label=rack=7 \\$x'"`,
      );
      expect(on(startCommand)).toBe(
        `/usr/bin/dockerd --host=unix:///var/run/docker.sock ${secured} --label=rack=7 $x`,
      );
      expect(on('rc-update show default')).toMatch(/docker/);
      expect(on("docker info --format '{{json .Labels}}'")).toBe('["rack=7 $x"]');
      expect(await version(servers, 'alp')).toMatch(/^26\./);

      await belt.ok(['rm', '-y', 'alp']);
      expect(on('cat /etc/conf.d/docker')).toBe(on('cat /srv/engine/etc/conf.d/docker'));
      expect(on('ls /etc/conf.d; ls /etc/docker 2>/dev/null || true')).toBe('docker');
    });

    test("access to Alpine's engine can be changed and shown, a second run changes nothing, and upgrade uses apk", async () => {
      await adopt(servers, 'alp');
      const pid = on('pidof dockerd');
      const { ok } = JSON.parse(await belt.ok(['provision', 'alp', '--json']));
      expect([ok[0].changed, on('pidof dockerd')]).toEqual([false, pid]);

      const listens = "netstat -ltn | awk '$4 ~ /:237[56]$/ { print $4 }'";
      await belt.ok(['engine', 'local', 'alp']);
      expect(on(listens)).toBe('');
      const shown = JSON.parse(await belt.ok(['engine', 'show', '--json', 'alp'])).ok[0];
      expect(shown).toMatchObject({ provisioner: 'alpine', pending: [] });
      await belt.ok(['engine', 'secure', 'alp']);
      expect(on(listens)).toMatch(/:2376$/);

      on(': >/var/log/calls');
      await belt.ok(['upgrade', 'alp']);
      expect(on('cat /var/log/calls')).toBe(
        'apk --wait 600 --update-cache --no-progress upgrade docker docker-cli',
      );
    });

    test("options that Alpine's engine rejects are reported with its message, and everything is restored", async () => {
      on(`rc-service docker start 2>/dev/null; ${runContainer}`);
      const before = on('cat /etc/conf.d/docker; docker ps --quiet');
      await expect(adopt(servers, 'alp', '--engine-opt', 'storage-driver=nosuch')).rejects.toThrow(
        /alp: (failed: )?the engine does not respond:.*error initializing graphdriver.*nosuch/s,
      );
      expect(on('cat /etc/conf.d/docker; docker ps --quiet')).toBe(before);
      await belt.ok(['rm', '-y', 'alp']);

      await adopt(servers, 'alp');
      expect(on('docker ps --quiet')).toBe(before.split('\n').at(-1));
      await belt.ok(['rm', '-y', 'alp']);
      expect(on('cat /etc/conf.d/docker; docker ps --quiet')).toBe(before);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'an engine under OpenRC rejects an option',
      });
    });

    test("Alpine's engine starts again after a reboot", async () => {
      await adopt(servers, 'alp');
      on('(sleep 0.5; poweroff) >/dev/null 2>&1 &');
      await expect.poll(() => servers.state('alp')).toBe('stopped');
      await servers.start('alp');
      await expect.poll(() => version(servers, 'alp').catch(String)).toMatch(/^26\./);
    });
  });

  describe('boot2docker: its profile, an init script that reads it, and busybox', () => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers(['b2d']);
      runGuestScripts(servers, 'b2d', 'busybox', 'boot2docker');
      setOsRelease(servers, 'b2d', 'boot2docker');
      await servers.stop('b2d');
      await servers.start('b2d');
    });
    afterAll(() => servers?.dispose());

    const on = (script: string): string => servers.sh('b2d', script).trimEnd();
    const profile = "grep -v '^#' /var/lib/boot2docker/profile";
    const asDocker = ['--generic-ssh-user', 'docker'];
    const files = (args: string, access: string): string =>
      [
        `EXTRA_ARGS=${args}`,
        'CACERT=/var/lib/boot2docker/ca.pem',
        access,
        'SERVERKEY=/var/lib/boot2docker/server-key.pem',
        'SERVERCERT=/var/lib/boot2docker/server.pem',
      ].join('\n');

    test('the user docker can secure, expose, restrict and show the engine', async () => {
      await adopt(servers, 'b2d', ...asDocker, '--engine-label', 'rack=7');
      expect(on(profile)).toBe(
        files('--label=rack=7', "DOCKER_HOST='-H tcp://0.0.0.0:2376'\nDOCKER_TLS=auto"),
      );
      expect(on(startCommand)).toContain('-H unix:// --label=rack=7 -H tcp://0.0.0.0:2376 --tlsverify');
      expect(on('stat -c "%a %U" /var/lib/boot2docker/server-key.pem')).toBe('600 root');
      expect(await version(servers, 'b2d')).toMatch(/^26\./);

      await belt.ok(['engine', 'insecure', '--yes', 'b2d']);
      expect(on(profile)).toBe(
        files("'--tls=false --label=rack=7'", "DOCKER_HOST='-H tcp://0.0.0.0:2375'\nDOCKER_TLS=no"),
      );
      expect(await (await fetch(`http://${servers.address('b2d')}:2375/_ping`)).text()).toBe('OK');
      const shown = JSON.parse(await belt.ok(['engine', 'show', '--json', 'b2d'])).ok[0];
      expect(shown).toMatchObject({ provisioner: 'boot2docker', pending: [] });

      await belt.ok(['engine', 'local', 'b2d']);
      expect(on("netstat -ltn | grep -c ':237[56] ' || true")).toBe('0');
      const { code, stderr } = await belt.run(['upgrade', 'b2d']);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('the engine is part of the operating system'),
      ]);
    });

    test("options that boot2docker's engine rejects are reported with its message, and the profile is restored", async () => {
      on("echo 'MINE=1' >/var/lib/boot2docker/profile");
      await expect(adopt(servers, 'b2d', ...asDocker, '--engine-opt', 'no-such-option=1')).rejects.toThrow(
        /b2d: (failed: )?the engine does not respond:.*unknown flag: --no-such-option/s,
      );
      expect(on('cat /var/lib/boot2docker/profile')).toBe('MINE=1');
      expect(on('docker version --format ok')).toBe('ok');

      await adopt(servers, 'b2d', ...asDocker);
      await belt.ok(['rm', '-y', 'b2d']);
      expect(on('cat /var/lib/boot2docker/profile; ls /var/lib/boot2docker')).toBe('MINE=1\nlog\nprofile');
      expect(on(startCommand)).toMatch(/-H unix:\/\/ --pidfile \S+$/);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'an engine of boot2docker rejects an option',
      });
    });
  });

  describe("with Debian's tools, which are Ubuntu's: real apt and systemd", () => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers(['deb', 'flat']);
      runGuestScripts(servers, 'flat', 'flatcar');
      setOsRelease(servers, 'flat', 'flatcar');
    });
    afterAll(() => servers?.dispose());

    test('Ubuntu installs its own package', async () => {
      servers.sh(
        'deb',
        'apt-get purge -y -qq docker.io docker-cli >/dev/null 2>&1; rm -rf /etc/docker; : >/var/log/apt/history.log',
      );
      setOsRelease(servers, 'deb', 'ubuntu');
      await adopt(servers, 'deb');
      expect(servers.sh('deb', "sed -n 's/^Commandline: //p' /var/log/apt/history.log")).toBe(
        'apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold install --no-remove --no-install-recommends docker.io iptables ca-certificates docker-cli\n',
      );
      const { provisioner } = JSON.parse(await belt.ok(['engine', 'show', '--json', 'deb'])).ok[0];
      expect([provisioner, await version(servers, 'deb')]).toEqual([
        'ubuntu',
        expect.stringMatching(/^26\./),
      ]);
    });

    test('Flatcar is provisioned by the user core with a read-only /usr and a socket-activated engine', async () => {
      const on = (script: string): string => servers.sh('flat', script).trimEnd();
      const units = 'systemctl is-enabled docker.service docker.socket || true';
      expect(on('touch /usr/x 2>&1 || true')).toContain('Read-only file system');
      expect(on('systemctl is-active docker.service || true')).toBe('inactive');
      const before = on(units);

      await adopt(servers, 'flat', '--generic-ssh-user', 'core');
      expect(on(startCommand)).toBe(
        `/usr/sbin/dockerd --host=fd:// --containerd=/run/containerd/containerd.sock ${secured}`,
      );
      expect(on(units)).toBe('enabled\nenabled');
      expect(await version(servers, 'flat')).toMatch(/^26\./);
      const { code, stderr } = await belt.run(['upgrade', 'flat']);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('the engine is part of the operating system'),
      ]);

      await belt.ok(['rm', '-y', 'flat']);
      expect(on(units)).toBe(before);
      expect(on('ls -d /etc/docker /etc/systemd/system/docker.service.d 2>/dev/null || true')).toBe('');
      expect(on("docker version --format '{{.Server.Version}}'")).toMatch(/^26\./);
    });
  });

  describe('a newer engine', () => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers(['old'], 'debian-12');
    });
    afterAll(() => servers?.dispose());

    test('upgrade replaces the engine of Debian 12 with that of Debian 13, and keeps containers and options', async () => {
      servers.sh('old', runContainer);
      await adopt(servers, 'old', '--engine-label', 'rack=7');
      expect(await version(servers, 'old')).toMatch(/^20\.10\./);
      servers.sh(
        'old',
        `sed 's/bookworm/trixie/' /etc/apt/sources.list >/etc/apt/sources.list.d/trixie.list; docker update --restart always kept`,
      );
      const { ok } = JSON.parse(await belt.ok(['upgrade', 'old', '--json'], { timeoutMs: 400_000 }));
      expect(ok[0]).toMatchObject({
        from: expect.stringMatching(/^20\.10\./),
        to: expect.stringMatching(/^26\.1\./),
      });
      expect(await version(servers, 'old')).toBe(ok[0].to);
      expect(
        servers.sh('old', "docker info --format '{{json .Labels}}'; docker ps --format '{{.Names}}'"),
      ).toBe('["rack=7"]\nkept\n');
    }, 500_000);
  });
});

const secured =
  '--host=tcp://0.0.0.0:2376 --tlsverify --tlscacert=/etc/docker/ca.pem --tlscert=/etc/docker/server.pem --tlskey=/etc/docker/server-key.pem';

const zypper = (rest: string): string => `ZYPP_LOCK_TIMEOUT=600 zypper --non-interactive ${rest}`;

/** Packages with versions, sorted. */
const packages = "rpm -qa --queryformat '%{NAME}-%{VERSION}\\n' | sort";

const startCommand = "tr '\\0' ' ' </proc/$(pidof dockerd)/cmdline | sed 's/ $//'";

/** Restores the state before belt's first run. */
const withoutPackages = `systemctl stop docker.socket docker.service containerd.service 2>/dev/null
rpm --erase $(rpm -qa) 2>/dev/null
rm -rf /etc/yum.repos.d/* /etc/zypp/repos.d/* /var/cache/zypp /etc/docker /etc/systemd/system/docker.service.d /var/log/calls
systemctl daemon-reload
ln -sfn 1.0 /srv/docker/current
ln -sfn 1.0 /srv/suse/current`;

/** A container without a restart policy. */
const runContainer = `cd $(mktemp -d) && mkdir bin && cp /usr/bin/busybox bin/
until docker version >/dev/null 2>&1; do sleep 0.2; done
tar -c . | docker import - web:1 >/dev/null
docker run --detach --init --name kept web:1 /bin/busybox sleep 1000000 >/dev/null`;
