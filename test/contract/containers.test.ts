import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { importWebImage } from '../lab/containers.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** Containers without a restart policy, across all restarts of the engine that belt causes. */
describe.skipIf(!canCreateMachines())('containers over a restart of the engine', () => {
  let belt: Belt;
  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '1gb', 'node1']);
    await importWebImage(belt, 'node1');
  });
  afterAll(() => belt.dispose());

  /** Runs a shell command on the machine as root. */
  const on = async (line: string): Promise<string> =>
    (await belt.ok(['exec', 'node1', '--', line])).trimEnd();
  const engine = () => on('pidof dockerd');
  const running = async () => (await on("docker ps --format '{{.Names}}'")).split('\n').sort();
  const runContainer = (name: string, options = '') =>
    on(`docker run --detach --init --name ${name} ${options} web:1 /bin/sleep 1000000`);
  /** Changes the recorded options of dockerd. */
  const setOptions = async (options: string[]): Promise<void> => {
    const path = join(belt.folder, '.belt/default/machines/node1/config.json');
    const config = JSON.parse(await readFile(path, 'utf8'));
    config.HostOptions.EngineOptions.ArbitraryFlags = options;
    await writeFile(path, JSON.stringify(config));
  };

  beforeEach(async () => {
    // systemd limits engine starts per minute, and tests restart it too.
    await on('systemctl reset-failed docker');
    await runContainer('kept');
    await on('docker exec kept sh -c "echo mine > /marker"');
  });
  afterEach(async () => {
    await on('docker ps --all --quiet | xargs -r docker rm --force');
  });

  /** Expects the same container with its contents, and a restarted engine. */
  async function expectKept(work: () => Promise<unknown>): Promise<void> {
    const [pid, id] = [await engine(), await on("docker inspect --format '{{.Id}}' kept")];
    await work();
    expect(await engine()).not.toBe(pid);
    expect(await on('docker exec kept cat /marker')).toBe('mine');
    expect(await on("docker inspect --format '{{.Id}} {{.State.Running}}' kept")).toBe(`${id} true`);
  }

  test.each([
    ['engine', 'local'],
    ['engine', 'insecure', '--yes'],
    ['engine', 'secure'],
    ['regenerate-certs', '--force'],
    ['certs', 'rotate', '--yes'],
  ])('containers run again after belt %s %s', async (...command) => {
    const target = command[0] === 'certs' ? [] : ['node1'];
    await expectKept(async () => {
      const { code, stderr } = await belt.run([...command, ...target]);
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('warning:')]);
    });
  });

  test('provision restarts containers that share a network, and pauses the paused one again', async () => {
    await runContainer('beside', '--network container:kept');
    await runContainer('paused');
    await on('docker pause paused; rm /etc/docker/ca.pem');
    await expectKept(() => belt.ok(['provision', 'node1']));
    expect(await running()).toEqual(['beside', 'kept', 'paused']);
    expect(await on("docker inspect --format '{{.State.Status}}' paused")).toBe('paused');
    await on('docker unpause paused');
  });

  /** Repackages the engine as an earlier version; `change` edits the unpacked package. */
  const installEarlier = (change: string) =>
    on(`set -e
      apt-get update -qq
      folder=$(mktemp -d -p /var/tmp)
      trap 'rm -r "$folder"' EXIT
      cd "$folder"
      apt-get download -qq docker.io 2>/dev/null
      dpkg-deb --raw-extract docker.io_*.deb tree
      sed -i 's/^Version: .*/&~earlier/' tree/DEBIAN/control
      ${change}
      dpkg-deb -Znone --build tree earlier.deb >/dev/null
      dpkg --install --force-confold earlier.deb >/dev/null 2>&1
      systemctl restart docker
      docker start kept >/dev/null`);

  test('upgrade restarts containers when belt restarts the engine', async () => {
    await installEarlier('LC_ALL=C sed -i s/26.1.5+dfsg1/26.1.4+dfsg1/g tree/usr/sbin/dockerd');
    await expectKept(async () => {
      const { ok } = JSON.parse(await belt.ok(['upgrade', '--json', 'node1']));
      expect(ok).toEqual([{ name: 'node1', from: '26.1.4+dfsg1', to: '26.1.5+dfsg1' }]);
    });
  });

  test('upgrade restarts containers when the packages restart the engine', async () => {
    await installEarlier('sed -i \'2i [ "$1" != upgrade ] || systemctl restart docker\' tree/DEBIAN/prerm');
    await expectKept(async () => {
      await belt.ok(['upgrade', 'node1']);
      expect(await on("dpkg-query --show --showformat '${Version}' docker.io")).not.toContain('earlier');
    });
  });

  test('an upgrade that does not restart the engine starts no container', async () => {
    const pid = await engine();
    await on('docker stop --time 0 kept');
    await belt.ok(['upgrade', 'node1']);
    expect([await engine(), await running()]).toEqual([pid, ['']]);
  });

  test('a container that was stopped before stays stopped', async () => {
    await runContainer('stopped');
    await on('docker stop --time 0 stopped; rm /etc/docker/ca.pem');
    await expectKept(() => belt.ok(['provision', 'node1']));
    expect(await running()).toEqual(['kept']);
  });

  test('containers that cannot run again, and those with --rm, are reported by name', async () => {
    await on('mkdir /root/source');
    await runContainer('broken', '--mount type=bind,source=/root/source,target=/there');
    await runContainer('fleeting', '--rm');
    await on('rmdir /root/source; rm /etc/docker/ca.pem');
    await expectKept(async () => {
      const { code, stderr } = await belt.run(['provision', 'node1']);
      expect(code).toBe(0);
      expect(stderr).toMatch(/node1: .*do not run again.*broken.*\/root\/source/s);
      expect(stderr).toMatch(/node1: .*--rm.*fleeting/);
    });
    expect(await running()).toEqual(['kept']);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'containers whose files are missing, and with `--rm`, when an engine restarts',
      tried: 2,
      lost: 'these containers; belt names them',
    });
  });

  test('an engine that rejects new options is restored to its old ones, with its containers', async () => {
    await setOptions(['storage-driver=nosuch']);
    await expectKept(async () => expect((await belt.run(['provision', 'node1'])).code).toBe(1));
    await setOptions([]);
    expect(JSON.parse(await belt.ok(['engine', 'show', '--json', 'node1'])).ok[0].pending).toEqual([]);
    recordFault({ kind: 'Machines, engines and networks that fail', fault: 'an engine rejects new options' });
  });

  test('containers run again after an interruption during the restart', async () => {
    await on('rm /etc/docker/ca.pem');
    await expectKept(async () => {
      const child = belt.spawn(['provision', 'node1']);
      child.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('Restarting the engine')) child.kill('SIGINT');
      });
      expect(await new Promise((done) => child.once('close', done))).toBe(130);
      const { ok } = JSON.parse(await belt.ok(['provision', '--json', 'node1']));
      expect(ok).toEqual([expect.objectContaining({ changed: false })]);
    });
    recordFault({
      kind: 'Killed and interrupted',
      fault: '`provision` is interrupted while the engine restarts',
    });
  });

  test('containers of an engine with live-restore keep running', async () => {
    await setOptions(['live-restore']);
    await belt.ok(['provision', 'node1']);
    await runContainer('fleeting', '--rm');
    await runContainer('paused');
    await on('docker pause paused; rm /etc/docker/ca.pem');
    const started = () => on("docker inspect --format '{{.State.StartedAt}}' kept fleeting paused");
    const before = await started();
    await expectKept(async () => {
      const { code, stderr } = await belt.run(['provision', 'node1']);
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('warning:')]);
    });
    expect(await started()).toBe(before);
    await on('docker unpause paused');
    await setOptions([]);
    await belt.ok(['provision', 'node1']);
  });

  test('belt does not restart the tasks of a swarm', async () => {
    await belt.ok(['swarm', 'init', 'node1']);
    await on('docker service create --quiet --no-resolve-image --name web web:1 /bin/sleep 1000000');
    const tasks = () => on('docker ps --quiet --filter label=com.docker.swarm.service.name=web');
    const [before] = [await tasks()];
    expect(before).not.toBe('');
    await on('rm /etc/docker/ca.pem');
    await expectKept(async () => {
      const { code, stderr } = await belt.run(['provision', 'node1']);
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('warning:')]);
    });
    await expect.poll(tasks, { interval: 500 }).toMatch(/^[0-9a-f]{12}$/);
    expect(await tasks()).not.toBe(before);
    await on('docker service rm web; docker swarm leave --force');
  });
});
