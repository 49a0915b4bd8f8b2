import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt, type Result } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';
import { runInTerminal } from '../lab/terminal.js';

/** Provisions engines on real systems. Checks the engine and systemd, not output. */
describe.skipIf(!canCreateMachines())('provisioning', () => {
  let belt: Belt;
  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'node[1:3]']);
  });
  afterAll(() => belt.dispose());

  /** Runs a shell command on the node as root. */
  const on = async (node: string, line: string): Promise<string> =>
    (await belt.ok(['exec', node, '--', line])).trimEnd();
  const began = (node: string) =>
    on(node, 'systemctl show docker -p ExecMainStartTimestampMonotonic --value');
  const ports = async (node: string) =>
    (await on(node, "ss -Htln | awk '{ print $4 }' | grep -oE '237[0-9]$' | sort -u || true")).split('\n');
  const info = async (node: string, format: string) =>
    (await belt.ok(['--host', node, 'docker', 'info', '--format', format])).trimEnd();
  /** Changes the recorded access. */
  const setAccess = async (node: string, access: 'local' | 'secure'): Promise<void> => {
    const path = join(belt.folder, `.belt/default/machines/${node}/config.json`);
    const config = JSON.parse(await readFile(path, 'utf8'));
    config.Belt.Engine = { ...config.Belt.Engine, Access: access, Port: access === 'local' ? 0 : 2376 };
    await writeFile(path, JSON.stringify(config));
  };
  /** Makes belt log in as another user, as if the machine had been created that way. */
  const logInAs = async (node: string, user: string): Promise<void> => {
    const path = join(belt.folder, `.belt/default/machines/${node}/config.json`);
    const config = JSON.parse(await readFile(path, 'utf8'));
    config.Driver.SSHUser = user;
    await writeFile(path, JSON.stringify(config));
  };
  const provision = (node: string): Promise<Result> => belt.run(['provision', node, '--json']);

  describe('Debian 13 with its own package: docker.socket active, /usr/sbin/dockerd', () => {
    test('a provisioned engine listens on 2376 and keeps its socket', async () => {
      expect(await ports('node1')).toEqual(['2376']);
      expect(await on('node1', 'systemctl is-active docker.socket docker.service')).toBe('active\nactive');
      expect(await on('node1', 'stat -c "%a %U" /etc/docker/*.pem | sort -u')).toBe('600 root\n644 root');
    });

    test('a second provision changes nothing and restarts nothing', async () => {
      const before = await began('node1');
      const { code, stdout } = await provision('node1');
      expect([code, JSON.parse(stdout).ok]).toEqual([
        0,
        [expect.objectContaining({ name: 'node1', changed: false })],
      ]);
      expect(await began('node1')).toBe(before);
    });

    test('a stopped engine starts again with the same options', async () => {
      await on('node1', 'systemctl stop docker.service 2>/dev/null; docker version >/dev/null');
      expect(await ports('node1')).toEqual(['2376']);
    });

    test('access can be set to local, insecure and secure', async () => {
      await belt.ok(['engine', 'local', 'node1']);
      expect(await ports('node1')).toEqual(['']);
      const asked = await belt.run(['engine', 'insecure', 'node1'], { input: 'n\n' });
      expect(asked).toMatchObject({ stdout: '', stderr: expect.stringContaining('will be root there') });
      expect(asked.code).toBe(1);
      expect(await ports('node1')).toEqual(['']);
      await belt.ok(['engine', 'insecure', '--yes', 'node1']);
      expect(await ports('node1')).toEqual(['2375']);
      const { ok } = JSON.parse(await belt.ok(['engine', 'show', '--json', 'node1']));
      expect(ok).toEqual([
        expect.objectContaining({
          provisioner: 'debian',
          pending: [],
          url: expect.stringContaining(':2375'),
        }),
      ]);
      await belt.ok(['engine', 'secure', 'node1']);
      expect(await ports('node1')).toEqual(['2376']);
    });

    test('an engine that did not restart with its files is reported and restarted', async () => {
      await belt.ok(['engine', 'insecure', '--yes', 'node1']);
      const before = await began('node1');
      // The script dies once the files are there.
      await on(
        'node1',
        `printf '#!/bin/sh\\nkill -9 $(cat /run/belt.*/pid)\\n' > /usr/local/sbin/dockerd; chmod +x /usr/local/sbin/dockerd; echo '{}' > /etc/docker/daemon.json`,
      );
      expect((await belt.run(['engine', 'local', 'node1'])).code).toBe(1);
      await on('node1', 'rm /usr/local/sbin/dockerd');
      expect([await ports('node1'), await began('node1')]).toEqual([['2375'], before]);
      await setAccess('node1', 'local');
      const shown = JSON.parse(await belt.ok(['engine', 'show', '--json', 'node1']));
      expect(shown.ok[0].pending).toEqual(['restart the engine (an earlier change was interrupted)']);
      expect((await provision('node1')).code).toBe(0);
      expect(await ports('node1')).toEqual(['']);
      expect(await on('node1', 'rm /etc/docker/daemon.json; ls /run | grep belt- || true')).toBe('');
      await belt.ok(['engine', 'secure', 'node1']);
      recordFault({
        kind: 'Killed and interrupted',
        fault: 'a remote script is killed between its files and the restart',
      });
    });

    test('provision corrects manual changes', async () => {
      await on(
        'node1',
        'rm /etc/docker/ca.pem; echo "# mine" >> /etc/systemd/system/docker.service.d/zz-belt.conf',
      );
      const shown = JSON.parse(await belt.ok(['engine', 'show', '--json', 'node1']));
      expect(shown.ok[0].pending).toEqual([
        "write /etc/docker/ca.pem (the cluster's authority)",
        "change /etc/systemd/system/docker.service.d/zz-belt.conf (the engine's options)",
        'restart the engine (its options or certificates change)',
      ]);
      expect((await provision('node1')).code).toBe(0);
      expect(
        await on('node1', 'grep -c mine /etc/systemd/system/docker.service.d/zz-belt.conf || true'),
      ).toBe('0');
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'files of an engine are deleted or changed by hand',
        tried: 2,
      });
    });
  });

  test('a port closed by a firewall causes a warning', async () => {
    await on('node1', 'iptables -I INPUT -p tcp --dport 2376 -j REJECT');
    const closed = await belt.run(['provision', 'node1']);
    expect(closed).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /cannot be reached from this computer \(\S+ port 2376: refused\); open that port/,
      ),
    });
    await on('node1', 'iptables -D INPUT 1');
    expect((await provision('node1')).stderr).not.toContain('cannot be reached');
  });

  describe('a daemon.json written by hand', () => {
    const mine = { 'log-driver': 'local', labels: ['rack=7'], 'max-concurrent-downloads': 5, debug: false };

    test('a manual daemon.json is merged, and its own settings are kept', async () => {
      await on('node2', `cat > /etc/docker/daemon.json <<'END'\n${JSON.stringify(mine)}\nEND`);
      await setEngine('node2', (options) => {
        options.Labels = ['zone=a'];
        options.ArbitraryFlags = ['max-concurrent-downloads=7', 'max-concurrent-uploads=2'];
      });
      expect((await provision('node2')).code).toBe(0);
      expect(JSON.parse(await on('node2', 'cat /etc/docker/daemon.json'))).toEqual({
        ...mine,
        labels: ['rack=7', 'zone=a'],
        'max-concurrent-downloads': 7,
      });
      expect(JSON.parse(await on('node2', 'cat /etc/docker/daemon.json.before-belt'))).toEqual(mine);
      expect(await info('node2', '{{.LoggingDriver}}')).toBe('local');
      // The engine keeps labels in a map, so the order varies (moby, daemon/config:
      // GetConflictFreeLabels).
      expect(JSON.parse(await info('node2', '{{json .Labels}}')).sort()).toEqual(['rack=7', 'zone=a']);
      expect(await on('node2', 'ps -o args= -C dockerd')).toContain('--max-concurrent-uploads=2');
    });

    test('a manual daemon.json gets its values back when options are removed, and keeps later additions', async () => {
      const others =
        '{ "debug": true, "max-concurrent-downloads": 7, "labels": ["mine=1", "rack=7", "zone=a"] }';
      await on('node2', `echo '${others}' > /etc/docker/daemon.json`);
      await setEngine('node2', (options) => {
        options.Labels = [];
        options.ArbitraryFlags = [];
      });
      expect((await provision('node2')).code).toBe(0);
      expect(JSON.parse(await on('node2', 'cat /etc/docker/daemon.json'))).toEqual({
        debug: true,
        'max-concurrent-downloads': 5,
        labels: ['mine=1', 'rack=7'],
      });
      const labels = JSON.parse(await info('node2', '{{json .Labels}}')) as string[];
      expect(labels.sort()).toEqual(['mine=1', 'rack=7']);
      expect(await provision('node2')).toMatchObject({ stdout: expect.stringContaining('"changed": false') });
    });

    test('hosts of a manual daemon.json are replaced with the port of the engine', async () => {
      const hosts = { hosts: ['unix:///var/run/docker.sock', 'tcp://127.0.0.1:2377'] };
      await on(
        'node2',
        `cat > /etc/docker/daemon.json <<'END'\n${JSON.stringify(hosts)}\nEND
        rm /etc/systemd/system/docker.service.d/zz-belt.conf
        printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/dockerd\\n' > /etc/systemd/system/docker.service.d/override.conf
        systemctl daemon-reload; systemctl restart docker`,
      );
      expect((await provision('node2')).code).toBe(0);
      expect(await ports('node2')).toEqual(['2376']);
      expect(JSON.parse(await on('node2', 'cat /etc/docker/daemon.json'))).toEqual({
        hosts: ['unix:///var/run/docker.sock', 'tcp://0.0.0.0:2376'],
      });
      expect(await provision('node2')).toMatchObject({ stdout: expect.stringContaining('"changed": false') });
    });

    test('an option that dockerd does not know is reported, and everything is restored', async () => {
      const line =
        'cat /etc/docker/daemon.json /etc/systemd/system/docker.service.d/*; systemctl is-active docker';
      await on('node2', 'systemctl reset-failed docker; rm /etc/docker/daemon.json');
      const before = await on('node2', line.replace('/etc/docker/daemon.json', ''));
      const pid = await on('node2', 'systemctl show docker -p MainPID --value');
      await on('node2', `echo '{ "no-such-option": 1 }' > /etc/docker/daemon.json`);
      const { code, stdout } = await belt.run(['engine', 'local', 'node2', '--json']);
      expect([code, JSON.parse(stdout).failed]).toEqual([
        1,
        [{ name: 'node2', code: 'external', error: expect.stringContaining('no-such-option') }],
      ]);
      await on('node2', 'rm /etc/docker/daemon.json');
      expect(await on('node2', line.replace('/etc/docker/daemon.json', ''))).toBe(before);
      expect(await on('node2', 'systemctl show docker -p MainPID --value')).toBe(pid);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'an engine does not know an option',
      });
    });

    test('an option that only fails at the start is reported with the journal, and the engine runs again', async () => {
      await on('node2', 'systemctl reset-failed docker');
      await setEngine('node2', (options) => {
        options.ArbitraryFlags = ['storage-driver=nosuch'];
      });
      const { code, stdout } = await provision('node2');
      expect([code, JSON.parse(stdout).failed]).toEqual([
        1,
        [{ name: 'node2', code: 'external', error: expect.stringMatching(/does not start.*nosuch/s) }],
      ]);
      expect(await on('node2', 'systemctl is-active docker')).toBe('active');
      expect(await ports('node2')).toEqual(['2376']);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'an engine does not start with an option',
      });
    });
  });

  /** Changes the recorded engine. */
  async function setEngine(
    node: string,
    change: (
      options: { Labels: string[]; ArbitraryFlags: string[]; InstallURL: string },
      auth: { ServerCertSANs: string[] },
    ) => void,
  ): Promise<void> {
    const path = join(belt.folder, `.belt/default/machines/${node}/config.json`);
    const config = JSON.parse(await readFile(path, 'utf8'));
    change(config.HostOptions.EngineOptions, config.HostOptions.AuthOptions);
    await writeFile(path, JSON.stringify(config));
  }

  describe('a user other than root, with a German locale', () => {
    beforeAll(async () => {
      await on(
        'node3',
        `apt-get update -qq && apt-get install -y -qq --no-install-recommends locales >/dev/null 2>&1
        localedef -i de_DE -f UTF-8 de_DE.UTF-8 && echo LANG=de_DE.UTF-8 > /etc/default/locale`,
      );
      expect(await on('node3', 'ls /nowhere 2>&1 || true')).toContain('nicht möglich');
      await on(
        'node3',
        `useradd -m -s /bin/bash ada; echo 'ada:open sesame' | chpasswd; mkdir -p ~ada/.ssh
        cp /root/.ssh/authorized_keys ~ada/.ssh/; chown -R ada ~ada/.ssh
        echo 'echo "Welcome to node3, ada"; echo warning >&2' >> ~ada/.bashrc; sed -i '1i echo hello from bash' ~ada/.bashrc
        echo 'ada ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ada`,
      );
    });

    afterEach(() => logInAs('node3', 'root'));

    test('a user with sudo and a login message can provision', async () => {
      await on('node3', 'rm /etc/docker/ca.pem');
      await logInAs('node3', 'ada');
      expect(await provision('node3')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('"changed": true'),
      });
      expect(await provision('node3')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('"changed": false'),
      });
      expect(await info('node3', '{{.Name}}')).toBe('hello from bash\nnode3');
      const { ok } = JSON.parse(await belt.ok(['engine', 'show', '--json', 'node3']));
      expect(ok).toEqual([expect.objectContaining({ pending: [], version: expect.stringMatching(/^26/) })]);
      await logInAs('node3', 'root');
      expect(await on('node3', 'stat -c %U /etc/docker/ca.pem; id -nG ada')).toBe('root\nada');
    });

    test('a user whose sudo requires a password fails without a terminal', async () => {
      await on('node3', "echo 'ada ALL=(ALL) ALL' > /etc/sudoers.d/ada");
      await logInAs('node3', 'ada');
      const { code, stdout } = await provision('node3');
      await logInAs('node3', 'root');
      expect([code, stdout]).toEqual([1, expect.stringContaining('a password is required')]);
    });

    test('a user can type the sudo password at the terminal', async () => {
      await on('node3', 'rm /etc/docker/ca.pem');
      await logInAs('node3', 'ada');
      const run = runInTerminal(belt, ['provision', 'node3']);
      await run.until(/Password for sudo/);
      run.type('open sesame\r');
      const code = await run.ended;
      await logInAs('node3', 'root');
      expect([code, run.screen()]).toEqual([0, expect.not.stringContaining('sesame')]);
      expect(await on('node3', 'stat -c %U /etc/docker/ca.pem')).toBe('root');
      expect(await on('node3', 'journalctl --no-pager | grep -c sesame || true')).toBe('0');
    });

    test('a user with a wrong sudo password fails', async () => {
      await logInAs('node3', 'ada');
      const run = runInTerminal(belt, ['provision', 'node3']);
      await run.until(/Password for sudo/);
      run.type('wrong\r');
      const code = await run.ended;
      await logInAs('node3', 'root');
      expect([code, run.screen()]).toEqual([1, expect.stringContaining('sudo rejected the password of ada')]);
    });

    test('a user without sudo fails', async () => {
      await on('node3', 'mv /usr/bin/sudo /usr/bin/sudo.away');
      await logInAs('node3', 'ada');
      const { code, stdout } = await provision('node3');
      await logInAs('node3', 'root');
      await on('node3', 'mv /usr/bin/sudo.away /usr/bin/sudo');
      expect([code, stdout]).toEqual([1, expect.stringContaining('sudo is not installed')]);
    });
  });

  describe('machines that cannot be provisioned', () => {
    const failure = async (node: string) => {
      const { code, stdout } = await provision(node);
      return [code, JSON.parse(stdout).failed[0]?.error];
    };

    test('a machine whose clock is five minutes ahead is refused', async () => {
      await on(
        'node3',
        `printf '#!/bin/sh\\necho $(($(/usr/bin/date +%%s) + 300))\\n' > /usr/local/bin/date; chmod +x /usr/local/bin/date`,
      );
      expect(await failure('node3')).toEqual([
        1,
        expect.stringMatching(/its clock is (299|300|301) s ahead/),
      ]);
      await on('node3', 'rm /usr/local/bin/date');
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'the clock of a machine is five minutes ahead',
      });
    });

    test('a machine with a read-only /etc is refused', async () => {
      await on('node3', 'mount --bind /etc /etc && mount -o remount,bind,ro /etc');
      expect(await failure('node3')).toEqual([1, expect.stringContaining('read-only')]);
      await on('node3', 'umount /etc');
      recordFault({ kind: 'Disks and files', fault: '/etc of a machine is read-only' });
    });

    test('a machine without space for the files is refused', async () => {
      await on('node3', 'mount -t tmpfs -o size=4k none /etc/docker');
      const error = await failure('node3');
      await on('node3', 'ls /etc/docker > /root/left; umount /etc/docker');
      expect(error).toEqual([1, expect.stringContaining('No space left on device')]);
      expect(await on('node3', 'cat /root/left')).toBe('');
      recordFault({ kind: 'Disks and files', fault: 'the disk of a machine is full' });
    });

    test('an unknown system without an engine is refused', async () => {
      await on(
        'node3',
        `cp /etc/os-release /root/; rm /etc/os-release; printf 'ID=plan9\\nPRETTY_NAME="Plan 9"\\n' > /etc/os-release
        systemctl stop docker.socket docker.service; mv /usr/sbin/dockerd /root/`,
      );
      expect(await failure('node3')).toEqual([1, expect.stringContaining('install Docker on Plan 9')]);
      await on('node3', 'cp /root/os-release /etc/; mv /root/dockerd /usr/sbin/; systemctl start docker');
    });

    test('an engine of the docker snap is refused, and keeps its socket', async () => {
      await on(
        'node3',
        `systemctl stop docker.socket docker.service; mkdir -p /snap/docker/1/bin; mv /usr/sbin/dockerd /snap/docker/1/bin/
        systemd-run -q --unit=snap.docker.dockerd /snap/docker/1/bin/dockerd --bridge=none
        until docker version >/dev/null 2>&1; do sleep 0.2; done`,
      );
      expect(await failure('node3')).toEqual([1, expect.stringContaining('is from the docker snap')]);
      expect(await on('node3', 'docker version >/dev/null; systemctl is-active docker.socket || true')).toBe(
        'inactive',
      );
      await on(
        'node3',
        'systemctl stop snap.docker.dockerd; mv /snap/docker/1/bin/dockerd /usr/sbin/; rm -r /snap; systemctl start docker',
      );
    });

    test('a machine with a noexec /tmp is provisioned', async () => {
      await on('node3', 'mount -t tmpfs -o noexec none /tmp; rm /etc/docker/ca.pem');
      expect(await provision('node3')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('"changed": true'),
      });
    });
  });

  test('provision installs Docker, and upgrade starts a stopped machine and finds the newest version', async () => {
    await on('node3', 'apt-get purge -y -qq docker.io docker-cli >/dev/null 2>&1; ! command -v dockerd');
    // Another installer holds dpkg's lock for some seconds.
    const lock = 'pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0)';
    await on(
      'node3',
      `perl -MFcntl -e 'open F, ">", "/var/lib/dpkg/lock-frontend"; my $l = ${lock}; fcntl(F, F_SETLK, $l) or die; sleep 8' >/dev/null 2>&1 & sleep 0.3`,
    );
    const { code, stderr } = await belt.run(['provision', 'node3']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('Installing docker.io')]);
    expect(stderr).toContain('Waiting for perl to finish installing packages');
    expect(await ports('node3')).toEqual(['2376']);
    await belt.ok(['stop', 'node3']);
    const upgraded = JSON.parse(await belt.ok(['upgrade', 'node3', '--json']));
    const [{ from, to }] = upgraded.ok;
    expect(from).toBe(to);
    expect(await ports('node3')).toEqual(['2376']);
  });

  test('an install script of the user can install the engine', async () => {
    await on(
      'node3',
      `apt-get purge -y -qq docker.io docker-cli >/dev/null 2>&1; mkdir -p /root/www
      echo 'apt-get update -qq && apt-get install -y -qq docker.io docker-cli && touch /root/installed' > /root/www/install
      busybox httpd -p 127.0.0.1:8000 -h /root/www`,
    );
    await setEngine('node3', (options) => {
      options.InstallURL = 'http://127.0.0.1:8000/missing';
    });
    const { code, stdout } = await provision('node3');
    expect([code, JSON.parse(stdout).failed]).toEqual([
      1,
      [{ name: 'node3', code: 'external', error: expect.stringMatching(/could not be installed.*404/s) }],
    ]);
    await setEngine('node3', (options) => {
      options.InstallURL = 'http://127.0.0.1:8000/install';
    });
    expect((await provision('node3')).code).toBe(0);
    expect(await on('node3', 'ls /root/installed')).toBe('/root/installed');
    expect(await ports('node3')).toEqual(['2376']);
  });

  test('a machine with another host name has a certificate for it', async () => {
    await setEngine('node1', (options, auth) => {
      options.ArbitraryFlags = [];
      auth.ServerCertSANs = ['new.example.com'];
    });
    await belt.ok(['restart', 'node1']);
    expect(await on('node1', 'openssl x509 -in /etc/docker/server.pem -noout -ext subjectAltName')).toContain(
      'DNS:new.example.com',
    );
  });

  test('a disabled engine is enabled', async () => {
    await on('node1', 'systemctl disable --quiet docker.service; rm /etc/docker/ca.pem');
    await belt.ok(['provision', 'node1']);
    expect(await on('node1', 'systemctl is-enabled docker.service')).toBe('enabled');
  });

  test('the host name is set on request', async () => {
    await on('node1', 'hostname other');
    await belt.ok(['provision', 'node1']);
    expect(await on('node1', 'hostname')).toBe('other');
    await belt.ok(['provision', '--set-hostname', 'node1']);
    expect(await on('node1', 'hostname; cat /etc/hostname')).toBe('node1\nnode1');
  });

  describe('Debian 12, Docker 20.10', () => {
    test('an engine can be created with every engine flag', async () => {
      await belt.ok(
        [
          ...[
            'create',
            '512mb',
            'old1',
            '--nspawn-image',
            'debian-12',
            '--tls-san',
            'old.example.com',
            '--tune-swarm',
          ],
          ...[
            '--engine-label',
            'rack=7',
            '--engine-opt',
            'max-concurrent-uploads=2',
            '--engine-env',
            'BELT_TEST=a b',
          ],
          ...['--engine-insecure-registry', 'r:5000', '--engine-registry-mirror', 'https://m.example.com'],
          ...['--engine-storage-driver', 'overlay2'],
        ],
        { timeoutMs: 600_000 },
      );
      expect(await info('old1', '{{.ServerVersion}} {{.Driver}} {{json .Labels}}')).toMatch(
        /^20\.10\.\S+ overlay2 \["rack=7"\]$/,
      );
      expect(
        await info('old1', '{{.RegistryConfig.Mirrors}} {{.RegistryConfig.InsecureRegistryCIDRs}}'),
      ).toContain('https://m.example.com/');
      expect(await on('old1', "tr '\\0' '\\n' < /proc/$(pidof dockerd)/environ | grep BELT_TEST")).toBe(
        'BELT_TEST=a b',
      );
      expect(
        await on('old1', 'openssl x509 -in /etc/docker/server.pem -noout -ext subjectAltName'),
      ).toContain('DNS:old.example.com');
      expect(await on('old1', 'cat /etc/sysctl.d/60-belt-swarm.conf')).toContain('gc_thresh3 = 32768');
      expect(await ports('old1')).toEqual(['2376']);
    });

    test('an invalid daemon.json is reported by a dockerd that cannot validate it', async () => {
      await on('old1', `echo '{ "no-such-option": 1 }' > /etc/docker/daemon.json`);
      const { code, stdout } = await belt.run(['engine', 'local', 'old1', '--json']);
      expect([code, JSON.parse(stdout).failed]).toEqual([
        1,
        [{ name: 'old1', code: 'external', error: expect.stringMatching(/does not start.*no-such-option/s) }],
      ]);
      expect(await on('old1', 'grep -c tlsverify /etc/systemd/system/docker.service.d/zz-belt.conf')).toBe(
        '1',
      );
      await on('old1', 'rm /etc/docker/daemon.json; systemctl reset-failed docker');
      expect((await provision('old1')).code).toBe(0);
      expect(await ports('old1')).toEqual(['2376']);
    });
  }, 600_000);
});
