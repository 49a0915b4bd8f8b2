import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { generateKeyPair } from '../../src/ssh/index.js';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';
import { type Servers, startServers } from '../lab/servers.js';

/** Adopts guests that belt did not create, with the built program. */

let servers: Servers;
let belt: Belt;

describe.skipIf(!canCreateMachines())('existing servers', () => {
  beforeAll(async () => {
    servers = await startServers(['one', 'two', 'three', 'four']);
    for (const name of ['one', 'two', 'three', 'four']) servers.sh(name, prepare);
  });
  afterAll(() => servers?.dispose());

  beforeEach(async () => {
    belt = await newBelt({ SSH_AUTH_SOCK: '' });
  });
  afterEach(() => belt.dispose());

  test('a dry run shows what would be done, and changes nothing', async () => {
    const before = traces('one');
    const text = await belt.ok(['create', ...at('one'), '--dry-run', 'one']);
    expect(text).toContain(`one  ${servers.address('one')}  Debian GNU/Linux 13 (trixie)`);
    expect(text).toMatch(/write \/etc\/systemd\/system\/docker\.service\.d\/zz-belt\.conf/);
    expect(text).toMatch(/write \/etc\/docker\/server-key\.pem/);
    expect(text).toMatch(/restart the engine/);
    expect(text).toMatch(/restart 1 running container/);

    const plan = JSON.parse(await belt.ok(['create', ...at('one'), '--dry-run', '--json', 'one']));
    expect(plan.ok[0]).toMatchObject({
      name: 'one',
      containers: 1,
      restart: 'its options or certificates change',
    });
    expect(plan.ok[0].install).toBeUndefined();

    expect(traces('one')).toEqual(before);
    expect(existsSync(join(belt.folder, '.belt'))).toBe(false);
  });

  test('--dry-run of a driver that creates machines shows what it would create', async () => {
    expect(await belt.ok(['create', '-d', 'nspawn', '--dry-run', 'new'])).toContain(
      'create it: driver nspawn',
    );
    expect(await belt.ok(['ls', '-q'])).not.toContain('new');
  });

  test('create adopts a server with its containers and images, and rm restores its original state', async () => {
    const before = traces('one');
    await belt.ok(['create', ...at('one'), 'one']);
    expect(unchangedParts(traces('one'))).toEqual(unchangedParts(before));
    expect(servers.sh('one', 'cat /etc/systemd/system/docker.service.d/zz-belt.conf')).toContain('2376');

    // Later commands need no settings, because the key is stored with the machine.
    expect(await belt.ok(['docker', '--host', 'one', 'ps', '--quiet', '--no-trunc'])).toBe(before.containers);
    const config = JSON.parse(await belt.ok(['inspect', 'one']));
    const key = join(belt.folder, '.belt/default/machines/one/server_key');
    expect(config.Driver).toMatchObject({
      IPAddress: servers.address('one'),
      SSHUser: 'root',
      SSHPort: 22,
      SSHKeyPath: key,
      EnginePort: 2376,
    });
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect(await readFile(key, 'utf8')).toBe(await readFile(servers.keyPath, 'utf8'));
    const [row] = await belt.list();
    expect(row).toMatchObject({ name: 'one', state: 'running', driver: 'generic' });

    await belt.ok(['rm', '-y', 'one']);
    expect(traces('one')).toEqual(before);
  });

  test("rm restores a server's own daemon.json and drop-in", async () => {
    servers.sh('two', ownSettings);
    const before = traces('two');
    await belt.ok(['create', ...at('two'), 'two']);
    expect(unchangedParts(traces('two'))).toEqual(unchangedParts(before));
    await belt.ok(['rm', '-y', 'two']);
    expect(traces('two')).toEqual(before);
  });

  test("rm keeps changes that others made to daemon.json, and removes belt's", async () => {
    servers.sh('two', ownSettings);
    await belt.ok(['create', ...at('two'), '--engine-label', 'b=2', '--engine-opt', 'mtu=1400', 'two']);
    const path = '/etc/docker/daemon.json';
    const settings = () => JSON.parse(servers.sh('two', `cat ${path}`));
    const written = settings();
    expect(written).toMatchObject({ labels: ['a=b', 'b=2'], mtu: 1400 });
    expect(servers.sh('two', `stat -c '%a %u %g' ${path}`)).toBe('640 1 2\n');
    const theirs = {
      ...written,
      labels: [...written.labels, 'c=3'],
      mtu: 1450,
      'max-concurrent-downloads': 7,
    };
    servers.sh('two', `cat > ${path} <<'END'\n${JSON.stringify(theirs)}\nEND`);
    const { code, stderr } = await belt.run(['rm', '-y', 'two']);
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(`two: "mtu" in ${path} was changed after belt changed it`),
    ]);
    expect(settings()).toEqual({
      debug: true,
      labels: ['a=b', 'c=3'],
      hosts: ['unix:///var/run/docker.sock'],
      mtu: 1450,
      'max-concurrent-downloads': 7,
    });
    expect(
      servers.sh('two', `stat -c '%a %u %g' ${path}; ls /etc/docker; docker ps --format '{{.Names}}'`),
    ).toBe('640 1 2\ndaemon.json\nkept\n');
  });

  test('a daemon.json that is not JSON is reported, and nothing changes until it is repaired', async () => {
    servers.sh('two', ownSettings);
    const before = traces('two');
    await belt.ok(['create', ...at('two'), 'two']);
    servers.sh('two', 'cd /etc/docker && cp -p daemon.json aside && echo "{" > daemon.json');
    const adopted = servers.sh('two', 'ls /etc/docker /etc/systemd/system/docker.service.d');
    const { code, stderr } = await belt.run(['rm', '-y', 'two']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('/etc/docker/daemon.json is not JSON')]);
    expect(servers.sh('two', 'ls /etc/docker /etc/systemd/system/docker.service.d')).toBe(adopted);
    servers.sh('two', 'cd /etc/docker && mv aside daemon.json');
    await belt.ok(['rm', '-y', 'two']);
    expect(traces('two')).toEqual(before);
    recordFault({ kind: 'Disks and files', fault: 'daemon.json of a server is not JSON' });
  });

  test('a server of an inventory is adopted over a jump host, by the user that its root login asks for', async () => {
    const key = generateKeyPair('cloud');
    const keyPath = join(belt.folder, 'cloud_key');
    await writeFile(keyPath, key.privateKey, { mode: 0o600 });
    const authorize = (line: string, home: string) =>
      `cat >> ${home}/.ssh/authorized_keys <<'END'\n${line}\nEND\n`;
    servers.sh('one', authorize(key.publicKey, '/root'));
    servers.sh(
      'three',
      authorize(`${cloudInitOptions} ${key.publicKey}`, '/root') + authorize(key.publicKey, '/home/admin'),
    );
    await writeFile(
      join(belt.folder, 'servers.yml'),
      [
        '- name: three',
        `  address: ${servers.address('three')}`,
        `  key: ${keyPath}`,
        `  jump: ${servers.address('one')}`,
      ].join('\n'),
    );
    const before = traces('three');
    const create = ['create', '-d', 'generic', '--generic-inventory', 'servers.yml'];
    const sudoers = '/etc/sudoers.d/tty';
    servers.sh('three', `printf '%s\n' 'Defaults requiretty' 'admin ALL=(ALL) PASSWD: ALL' > ${sudoers}`);
    const refused = await belt.run([...create, '--dry-run', 'three']);
    expect(refused.stderr).toContain('sudo refuses to run for admin without a terminal (requiretty)');
    expect(refused.stderr).toContain('add "Defaults:admin !requiretty"');
    servers.sh('three', `rm ${sudoers}`);

    const { code, stderr } = await belt.run([...create, 'three']);
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(
        'three: the server refuses root (Please login as the user "admin" rather than the user "root".), so belt logs in as admin',
      ),
    ]);
    expect(unchangedParts(traces('three'))).toEqual(unchangedParts(before));
    expect(await belt.ok(['ssh', 'three', 'whoami'])).toBe('admin\n');
    const config = join(belt.folder, 'ssh.config');
    await writeFile(config, await belt.ok(['ssh-config']));
    expect(execFileSync('ssh', ['-F', config, 'three', 'whoami'], { encoding: 'utf8' })).toBe('admin\n');
    const hosts = await readFile(join(belt.folder, '.belt/default/ssh/known_hosts'), 'utf8');
    expect(hosts.split('\n').map((line) => line.split(' ')[0])).toEqual([
      `[${servers.address('one')}]:22`,
      'three',
      '',
    ]);
    await belt.ok(['rm', '-y', 'three']);
    expect(traces('three')).toEqual(before);
  });

  test('create adopts the servers that are up, and a rerun adopts the one that was down', async () => {
    await servers.stop('four');
    const names = ['one', 'two', 'three', 'four'];
    const addresses = names.map((name) => servers.address(name)).join(',');
    const command = [
      ...['create', '-d', 'generic', '--generic-ip-address', addresses],
      ...['--generic-ssh-key', servers.keyPath, '--json', names.join(',')],
    ];
    const first = await belt.run(command);
    const report = JSON.parse(first.stdout);
    expect([first.code, report.ok.length, report.failed.length]).toEqual([1, 3, 1]);
    expect(report.failed[0].name).toBe('four');
    expect(report.failed[0].error).toMatch(/^four: no login after [\d.]+ s, last error: no (route|answer)/);

    await servers.start('four');
    const second = await belt.run(command);
    expect(second.code).toBe(0);
    expect(JSON.parse(second.stdout).ok.length).toBe(4);
    await belt.ok(['rm', '-y', '--all']);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'a server is down during `create`',
    });
  });

  test('a rerun resumes an interrupted create, and rm still restores the original state', async () => {
    const before = traces('one');
    const command = ['create', ...at('one'), 'one'];
    const child = belt.spawn(command);
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Restarting the engine')) child.kill('SIGINT');
    });
    expect(await new Promise((done) => child.once('close', done))).toBe(130);
    await belt.ok(command);
    expect(unchangedParts(traces('one'))).toEqual(unchangedParts(before));
    await belt.ok(['rm', '-y', 'one']);
    expect(traces('one')).toEqual(before);
    recordFault({
      kind: 'Killed and interrupted',
      fault: '`create` is interrupted while the engine of a server restarts',
    });
  });

  test('rm keeps an unreachable server unless forced', async () => {
    await belt.ok(['create', ...at('four'), 'four']);
    await servers.stop('four');
    const refused = await belt.run(['rm', '-y', 'four']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("could not remove belt's changes from the server");
    expect(await belt.ok(['ls', '-q'])).toBe('four\n');

    await belt.ok(['rm', '-f', 'four']);
    expect(await belt.ok(['ls', '-q'])).toBe('');
    await servers.start('four');
    servers.sh('four', 'rm /etc/systemd/system/docker.service.d/zz-belt.conf; systemctl daemon-reload');
    recordFault({ kind: 'Machines, engines and networks that fail', fault: 'a server is down during `rm`' });
  });

  test('--keep-engine-config leaves the engine as belt configured it', async () => {
    await belt.ok(['create', ...at('one'), 'one']);
    const before = traces('one');
    await belt.ok(['rm', '-y', '--keep-engine-config', 'one']);
    expect(traces('one')).toEqual(before);
    await belt.ok(['create', ...at('one'), 'one']);
    expect(await belt.ok(['docker', '--host', 'one', 'ps', '--quiet', '--no-trunc'])).toBe(before.containers);
    await belt.ok(['rm', '-y', 'one']);
    expect(traces('one')).toEqual(before);
  });

  test('a removed server leaves a swarm that it joined through belt, and stays in one that it joined before', async () => {
    const membership = (name: string): string =>
      servers.sh(name, "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.NodeID}}'").trim();
    servers.sh('three', `docker swarm init --advertise-addr ${servers.address('three')}`);
    const own = membership('three');
    for (const name of ['one', 'two', 'three']) await belt.ok(['create', ...at(name), name]);
    await belt.ok(['swarm', 'init', 'one']);
    await belt.ok(['swarm', 'join', 'one', 'two']);

    // One by one, so that the swarm keeps running for the others; removing the last one dissolves
    // it.
    await belt.ok(['rm', '-y', 'three']);
    expect(membership('three')).toBe(own);
    await belt.ok(['rm', '-y', 'two']);
    expect(membership('two')).toBe('inactive');
    expect(servers.sh('one', "docker node ls --format '{{.Hostname}}'").trim()).toBe('one');
    await belt.ok(['rm', '-y', 'one']);
    expect(membership('one')).toBe('inactive');
    servers.sh('three', 'docker swarm leave --force');
  });

  test('the generic driver refuses to start, stop, kill and resize, as in docker-machine', async () => {
    await belt.ok(['create', ...at('three'), 'three']);
    for (const verb of ['start', 'stop', 'kill']) {
      const { code, stderr } = await belt.run([verb, 'three']);
      expect([code, stderr.includes(`generic driver does not support ${verb}`)]).toEqual([1, true]);
    }
    await belt.ok(['rm', '-y', 'three']);
  });

  test('restart reboots the server over SSH, and waits for its engine', async () => {
    await belt.ok(['create', ...at('three'), 'three']);
    const boot = servers.sh('three', 'cut -d " " -f 22 /proc/1/stat');
    const restarted = belt.run(['restart', 'three']);
    // A guest that restarts ends its systemd-nspawn, so start it again.
    await expect.poll(() => servers.state('three')).toBe('stopped');
    await servers.start('three');
    expect((await restarted).code).toBe(0);
    expect(servers.sh('three', 'cut -d " " -f 22 /proc/1/stat')).not.toBe(boot);
    await belt.ok(['rm', '-y', 'three']);
  });

  test('a host key other than the pinned one is refused', async () => {
    await belt.ok(['create', ...at('four'), 'four']);
    servers.sh(
      'four',
      'cd /etc/ssh; mkdir kept; cp -p ssh_host_* kept; ssh-keygen -q -t ed25519 -N "" -f new; cat new > ssh_host_ed25519_key; cat new.pub > ssh_host_ed25519_key.pub; systemctl restart ssh',
    );
    const { code, stderr } = await belt.run(['ssh', 'four', 'true']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('four: the host key at');
    expect((await belt.run(['rm', '-y', 'four'])).code).toBe(1);
    await belt.ok(['rm', '-f', 'four']);
    recordFault({ kind: 'Untrusted input', fault: 'a server shows another host key' });
  });

  test('the none driver records only a URL', async () => {
    const missing = await belt.run(['create', '-d', 'none', 'box']);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('--url option is required when no driver is selected'),
    ]);
    await belt.ok(['create', '-d', 'none', '--url', 'tcp://192.0.2.7:2376', 'box']);
    const config = JSON.parse(await belt.ok(['inspect', 'box']));
    expect(config.Driver).toMatchObject({ URL: 'tcp://192.0.2.7:2376', IPAddress: '192.0.2.7' });
    for (const [verb, done] of [
      ['start', 'started'],
      ['stop', 'stopped'],
      ['restart', 'restarted'],
      ['kill', 'killed'],
    ] as const) {
      const { code, stderr } = await belt.run([verb, 'box']);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining(`hosts without a driver cannot be ${done}`),
      ]);
    }
    const { stderr } = await belt.run(['ssh', 'box', 'true']);
    expect(stderr).toContain('box is known only by its URL');
    await belt.ok(['rm', '-y', 'box']);
    expect(await readdir(join(belt.folder, '.belt/default/machines'))).toEqual([]);
  });
});

/** A user with sudo, an image, and a container without a restart policy. */
/** In root's authorized_keys on cloud images. @see cloud-init's `disable_root_opts` */
const cloudInitOptions = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user \\"admin\\" rather than the user \\"root\\".';echo;sleep 10;exit 142"`;

const prepare = `set -e
useradd --create-home --shell /bin/sh admin
echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin
usermod --append --groups docker admin
mkdir -p /home/admin/.ssh && cp /root/.ssh/authorized_keys /home/admin/.ssh/ && chown -R admin: /home/admin/.ssh
root=$(mktemp -d)
mkdir -p "$root/bin"
cp /usr/bin/busybox "$root/bin/"
ln -s busybox "$root/bin/sleep"
tar -C "$root" -c . | docker import - web:1 >/dev/null
docker run --detach --init --name kept web:1 /bin/sleep 1000000 >/dev/null`;

/**
 * Files as people write them: their own owner and mode, tabs, and a drop-in that moves the hosts
 * into daemon.json.
 */
const ownSettings = `set -e
mkdir -p /etc/systemd/system/docker.service.d /etc/docker
printf '{\\n\\t"debug": true,\\n\\t"labels": ["a=b"],\\n\\t"mtu": 1500,\\n\\t"hosts": ["unix:///var/run/docker.sock"]}' > /etc/docker/daemon.json
chmod 640 /etc/docker/daemon.json
chown 1:2 /etc/docker/daemon.json
printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock\\n' > /etc/systemd/system/docker.service.d/hosts.conf
systemctl daemon-reload
systemctl reset-failed docker
systemctl restart docker
docker start kept >/dev/null`;

function at(name: string): string[] {
  return [
    '-d',
    'generic',
    '--generic-ip-address',
    servers.address(name),
    '--generic-ssh-key',
    servers.keyPath,
  ];
}

/** Everything on a server that adopting it could change. */
function traces(name: string) {
  const ask = (script: string) => servers.sh(name, script);
  return {
    etc: ask(
      `cd /etc; find . -printf '%p %y %m %U %G %l\\n' | sort; find . -type f -exec sha256sum {} + | sort`,
    ),
    units: ask(
      'systemctl is-enabled docker.service docker.socket; systemctl is-active docker.service docker.socket',
    ),
    command: ask('tr "\\\\0" " " < /proc/$(pidof dockerd)/cmdline'),
    containers: ask('docker ps --quiet --no-trunc'),
    images: ask('docker images --quiet --no-trunc'),
    engine: ask("docker info --format '{{.Driver}} {{.ServerVersion}} {{.Name}}'"),
    hostname: ask('hostname'),
    packages: ask('dpkg-query --show'),
    leftovers: ask('ls -a /root /tmp /run | grep -i belt || true'),
  };
}

/** What adopting must not change. */
function unchangedParts({ containers, images, engine, hostname, packages }: ReturnType<typeof traces>) {
  return { containers, images, engine, hostname, packages };
}
