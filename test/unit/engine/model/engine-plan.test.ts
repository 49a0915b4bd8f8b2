import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/base/errors.js';
import { describePlan, isEmptyPlan } from '../../../../src/engine/model/engine-plan.js';
import { refuseObstacles } from '../../../../src/engine/model/preflight.js';
import { startCommand } from '../../../../src/engine/model/systemd-unit.js';
import { osReleases } from '../../../lab/os-releases.js';
import { debianUnit, factsOf, planFor, settingsOf } from '../../support/facts.js';

const certificate = { ca: 'CA', certificate: 'CERT', key: 'KEY' };
const dropInPath = '/etc/systemd/system/docker.service.d/zz-belt.conf';
const daemonFile = '/etc/docker/daemon.json';
const base = '/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS';
const tls =
  '--tlsverify --tlscacert=/etc/docker/ca.pem --tlscert=/etc/docker/server.pem --tlskey=/etc/docker/server-key.pem';

const planOn = (change: Parameters<typeof factsOf>[1], settings = settingsOf()) =>
  planFor(factsOf(osReleases.debian, change), { settings, certificate });
const fileOf = (plan: ReturnType<typeof planFor>, path: string) =>
  plan.files.find((file) => file.path === path)?.content;
const commandOf = (plan: ReturnType<typeof planFor>) =>
  fileOf(plan, dropInPath)
    ?.split('\n')
    .filter((line) => line.startsWith('ExecStart='))
    .at(-1)
    ?.slice('ExecStart='.length);
const withDaemonFile = (value: unknown) => ({ files: new Map([[daemonFile, JSON.stringify(value)]]) });

describe('Debian', () => {
  test('a plan for Debian contains all files in full', () => {
    const plan = planOn({});
    expect(
      plan.files.map(({ path, content, mode, exists, secret }) => ({ path, content, mode, exists, secret })),
    ).toEqual([
      { path: '/etc/docker/ca.pem', content: 'CA', mode: 0o644, exists: false, secret: false },
      { path: '/etc/docker/server.pem', content: 'CERT', mode: 0o644, exists: false, secret: false },
      { path: '/etc/docker/server-key.pem', content: 'KEY', mode: 0o600, exists: false, secret: true },
      {
        path: dropInPath,
        content: `# Managed by belt, which overwrites it when the engine's settings change.
[Service]
ExecStart=
ExecStart=${base} --host=tcp://0.0.0.0:2376 ${tls}
`,
        mode: 0o644,
        exists: false,
        secret: false,
      },
    ]);
    expect(plan.restart).toBe('its options or certificates change');
  });

  test('a plan for an up-to-date machine is empty', () => {
    const first = planOn({});
    const sums = new Map(
      first.files.map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]),
    );
    const unitText = `${debianUnit}\n# ${dropInPath}\n${fileOf(first, dropInPath)}`;
    const second = planOn({ sums, unitText });
    expect(second).toMatchObject({ files: [], commands: [] });
    expect([isEmptyPlan(second), describePlan(second)]).toEqual([true, ['nothing to do']]);
  });

  test('a plan sets TCP and TLS according to the access', () => {
    expect(commandOf(planOn({}, settingsOf({ access: 'local' })))).toBe(base);
    expect(commandOf(planOn({}, settingsOf({ access: 'insecure' })))).toBe(
      `${base} --host=tcp://0.0.0.0:2375 --tls=false`,
    );
    expect(planOn({}, settingsOf({ access: 'local' })).files.map(({ path }) => path)).toEqual([dropInPath]);
  });

  test('a plan replaces, keeps and adds command-line options', () => {
    const settings = settingsOf({
      access: 'local',
      storageDriver: 'overlay2',
      labels: ['rack=7', 'owner=a b $c 50%'],
      insecureRegistries: ['r:5000'],
      registryMirrors: ['https://m'],
      env: ['HTTP_PROXY=http://p:1', 'X="q" 1%'],
      options: ['live-restore', '--mtu=1400'],
    });
    expect(fileOf(planOn({}, settings), dropInPath)?.split('\n').slice(2)).toEqual([
      'Environment=HTTP_PROXY=http://p:1',
      'Environment="X=\\"q\\" 1%%"',
      'ExecStart=',
      `ExecStart=${base} --storage-driver=overlay2 --label=rack=7 "--label=owner=a b $$c 50%%" --insecure-registry=r:5000 --registry-mirror=https://m --live-restore --mtu=1400`,
      '',
    ]);
  });

  test('options in a drop-in of docker-machine are replaced', () => {
    const unitText = `${debianUnit}
# /etc/systemd/system/docker.service.d/10-machine.conf
[Service]
ExecStart=
ExecStart=/usr/bin/dockerd -H tcp://0.0.0.0:2376 -H unix:///var/run/docker.sock --storage-driver overlay2 --tlsverify --tlscacert /etc/docker/ca.pem --tlscert /etc/docker/server.pem --tlskey /etc/docker/server-key.pem --label provider=generic 
Environment=`;
    expect(commandOf(planOn({ unitText }, settingsOf({ access: 'local' })))).toBe(
      '/usr/bin/dockerd -H unix:///var/run/docker.sock --storage-driver overlay2 --label provider=generic',
    );
  });

  test.each([
    ['-H tcp://0.0.0.0:2375', '--host=unix:///var/run/docker.sock'],
    ['-H=:2375 -H unix://', '-H unix://'],
    ['-Htcp://0.0.0.0:2375 -Hfd://', '-Hfd://'],
    ['--host 0.0.0.0:4243 --host fd:// --mtu 1400', '--host fd:// --mtu 1400'],
  ])('TCP in the start command "dockerd %s" is replaced', (before, after) => {
    const unitText = `# /x\n[Service]\nExecStart=/usr/bin/dockerd ${before}\n`;
    expect(commandOf(planOn({ unitText }, settingsOf({ access: 'local' })))).toBe(
      `/usr/bin/dockerd ${after}`,
    );
  });

  test.each([
    ['DOCKER_OPTS="--dns 8.8.8.8 -H tcp://0.0.0.0:2375"', 'tcp://0.0.0.0:2375'],
    ["DOCKER_OPTS='-H unix:///var/run/docker.sock --host=:4243'", ':4243'],
    ['DOCKER_OPTS="-H fd://"\n# DOCKER_OPTS="-H tcp://1.2.3.4:2375"\n', undefined],
    ['export HTTP_PROXY=http://p:1', undefined],
  ])('a file of variables with %j is refused if it opens TCP', (text, host) => {
    const files = new Map([['/etc/default/docker', text]]);
    const plan = () => planOn({ files });
    if (host === undefined) expect(commandOf(plan())).toContain('$DOCKER_OPTS');
    else expect(plan).toThrow(`/etc/default/docker makes the engine listen on ${host}`);
    expect(() => planOn({ files, unitText: '# /x\n[Service]\nExecStart=/usr/bin/dockerd\n' })).not.toThrow();
  });

  test('a start command of a shell is refused', () => {
    const unitText = '# /x\n[Service]\nExecStart=/bin/sh -c "exec dockerd -H fd://"\n';
    expect(() => planOn({ unitText })).toThrow(/starts the engine through \/bin\/sh, which ignores/);
  });

  test('a start command with another configuration file is refused', () => {
    const unitText = (path: string) => `# /x\n[Service]\nExecStart=/usr/bin/dockerd --config-file ${path}\n`;
    expect(() => planOn({ unitText: unitText('/srv/docker.json') })).toThrow(
      'docker.service starts the engine with --config-file=/srv/docker.json, which belt does not read',
    );
    expect(commandOf(planOn({ unitText: unitText(daemonFile) }))).toContain(`--config-file ${daemonFile}`);
  });

  test('a start command without a socket gets the default one', () => {
    const unitText = '# /x\n[Service]\nExecStart=/usr/bin/dockerd \\\n   --debug\n';
    expect(commandOf(planOn({ unitText }, settingsOf({ access: 'local' })))).toBe(
      '/usr/bin/dockerd --debug --host=unix:///var/run/docker.sock',
    );
  });

  test('kernel settings and the host name are optional and need no restart', () => {
    const done = planOn({});
    const sums = new Map(
      done.files.map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]),
    );
    const plan = planFor(factsOf(osReleases.debian, { sums }), {
      settings: settingsOf({ tuneSwarm: true }),
      certificate,
      hostname: 'web1',
      sysctl: 'fs.inotify.max_user_instances = 8192\n',
    });
    expect(plan.files[0]?.content).toBe('fs.inotify.max_user_instances = 8192\n');
    expect(describePlan(plan)).toEqual([
      'write /etc/sysctl.d/60-belt-swarm.conf (kernel settings for large swarms)',
      `run "{ hostnamectl set-hostname web1 2>/dev/null || { hostname web1 && echo web1 > /etc/hostname; }; } && { grep -qw web1 /etc/hosts || echo 127.0.1.1 web1 >> /etc/hosts; }" (the host name)`,
      'run "sysctl -q -e -p /etc/sysctl.d/60-belt-swarm.conf" (kernel settings for large swarms)',
    ]);
  });

  test.each([
    [{ unfinished: new Set(['engine']) }, 'an earlier change was interrupted'],
    [
      { service: { load: 'loaded', active: 'active', file: 'enabled', needsReload: true } },
      'systemd has not read its changed unit files',
    ],
    [{ listening: new Set([2376, 2375, 7946]) }, 'it still listens on port 2375'],
    [{ listening: new Set([7946]) }, 'it does not listen on port 2376'],
    [{ newer: new Set(['/etc/docker/ca.pem']) }, '/etc/docker/ca.pem changed after it started'],
  ])('an engine that does not run with its files restarts: %j', (change, reason) => {
    const done = planOn({});
    const sums = new Map(
      done.files.map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]),
    );
    expect(planOn({ sums, ...change })).toMatchObject({ files: [], restart: reason });
  });

  test.each([
    [{ listening: new Set([2376, 2377, 7946]) }],
    [{ newer: new Set([daemonFile, '/etc/sysctl.d/60-belt-swarm.conf']) }],
    [{ unfinished: new Set(['commands']) }],
  ])('an engine that runs with its files keeps running: %j', (change) => {
    const done = planOn({});
    const sums = new Map(
      done.files.map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]),
    );
    expect(isEmptyPlan(planOn({ sums, ...change }))).toBe(true);
  });

  test('a local engine must not listen on any engine port', () => {
    const settings = settingsOf({ access: 'local', port: 12376 });
    const { files } = planOn({}, settings);
    const sums = new Map(
      files.map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]),
    );
    for (const port of [2375, 2376, 12376]) {
      expect(planOn({ sums, listening: new Set([port]) }, settings).restart).toBe(
        `it still listens on port ${port}`,
      );
    }
    expect(planOn({ sums, listening: new Set([2377]) }, settings).restart).toBeUndefined();
  });

  test('a stopped engine is started', () => {
    const done = planOn({});
    const sums = new Map(
      done.files.map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]),
    );
    const failed = { load: 'loaded', active: 'failed', file: 'enabled' };
    expect(planOn({ sums, service: failed }).restart).toBe('it is failed');
  });
});

describe('daemon.json', () => {
  test('options in daemon.json stay there and are merged', () => {
    const plan = planOn(
      withDaemonFile({ 'log-driver': 'local', labels: ['a=1'], mtu: 1500, 'live-restore': false }),
      settingsOf({ access: 'local', labels: ['a=1', 'b=2'], options: ['mtu=1400', 'live-restore'] }),
    );
    expect(JSON.parse(fileOf(plan, daemonFile) ?? '')).toEqual({
      'log-driver': 'local',
      labels: ['a=1', 'b=2'],
      mtu: 1400,
      'live-restore': true,
    });
    expect(plan.files.map(({ path }) => path)).toEqual([
      '/etc/docker/daemon.json.before-belt',
      daemonFile,
      '/etc/docker/daemon.json.by-belt',
      dropInPath,
    ]);
    expect(commandOf(plan)).toBe(base);
  });

  test('TCP and TLS options in daemon.json follow the access', () => {
    const given = withDaemonFile({
      hosts: ['fd://', 'tcp://1.2.3.4:1'],
      tlsverify: true,
      tlscacert: '/mine',
    });
    const secure = planOn(given);
    expect(JSON.parse(fileOf(secure, daemonFile) ?? '')).toEqual({
      hosts: ['fd://', 'tcp://0.0.0.0:2376'],
      tlsverify: true,
      tlscacert: '/etc/docker/ca.pem',
    });
    expect(commandOf(secure)).toBe(
      '/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock $DOCKER_OPTS --tlscert=/etc/docker/server.pem --tlskey=/etc/docker/server-key.pem',
    );
    const local = planOn(given, settingsOf({ access: 'local' }));
    expect(JSON.parse(fileOf(local, daemonFile) ?? '')).toEqual({ hosts: ['fd://'] });
  });

  test.each([
    [['tcp://0.0.0.0:2375'], 'local', ['unix:///var/run/docker.sock']],
    [['tcp://0.0.0.0:2375'], 'secure', ['unix:///var/run/docker.sock', 'tcp://0.0.0.0:2376']],
    [['unix://', '0.0.0.0:2375', ':4243'], 'local', ['unix://']],
    [[], 'insecure', ['unix:///var/run/docker.sock', 'tcp://0.0.0.0:2375']],
  ] as const)('hosts %j in daemon.json with access "%s" become %j', (hosts, access, expected) => {
    const plan = planOn(withDaemonFile({ hosts }), settingsOf({ access }));
    expect(JSON.parse(fileOf(plan, daemonFile) ?? '')).toMatchObject({ hosts: expected });
  });

  test('the line ends and the indentation of daemon.json are kept', () => {
    const text = '\uFEFF{\r\n\t"labels": [\r\n\t\t"a=0"\r\n\t]\r\n}\r\n';
    const settings = settingsOf({ access: 'local', labels: ['a=1'] });
    const plan = planOn({ files: new Map([[daemonFile, text]]) }, settings);
    expect(fileOf(plan, daemonFile)).toBe(text.replace('a=0', 'a=1'));
  });

  test('a daemon.json with a key twice is refused only if it must be changed', () => {
    const files = new Map([[daemonFile, '{"log-opts": {"a": "1"},\n "log-opts": {"b": "2"}}']]);
    const settings = (options: string[]) => settingsOf({ access: 'local', options });
    expect(planOn({ files }, settings([])).files.map(({ path }) => path)).toEqual([dropInPath]);
    expect(() => planOn({ files }, settings(['log-opt=c=3']))).toThrow(
      '/etc/docker/daemon.json cannot be changed: line 2, column 2: the key "log-opts" is there a second time',
    );
  });

  test.each(['{', '[]', '7'])('a daemon.json that is %s is refused', (text) => {
    expect(() => planOn({ files: new Map([[daemonFile, text]]) })).toThrow(UserError);
  });

  test('daemon.json is changed once and never repeats a flag', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string()));
    const key = fc.constantFrom('hosts', 'labels', 'mtu', 'debug', 'tls', 'tlskey', 'log-driver', 'x');
    fc.assert(
      fc.property(
        fc.dictionary(key, value),
        fc.constantFrom('secure', 'insecure', 'local'),
        (some, access) => {
          const settings = settingsOf({ access: access as 'secure', labels: ['b=2'], options: ['mtu=9'] });
          const lists = {
            ...some,
            ...('hosts' in some && { hosts: ['fd://'] }),
            ...('labels' in some && { labels: [] }),
            ...('mtu' in some && { mtu: 1 }),
          };
          const once = planOn(withDaemonFile(lists), settings);
          const text = fileOf(once, daemonFile) ?? JSON.stringify(lists);
          const twice = planOn({ files: new Map([[daemonFile, text]]) }, settings);
          expect(fileOf(twice, daemonFile)).toBeUndefined();
          expect(commandOf(twice)).toBe(commandOf(once));
          const flags = [...(commandOf(once) ?? '').matchAll(/--([\w-]+)/g)].map(([, name]) => name);
          const inFile = Object.keys(JSON.parse(text) as object).map((name) => name.replace(/s$/, ''));
          expect(flags.filter((name) => inFile.includes(name ?? ''))).toEqual([]);
        },
      ),
    );
  });
});

test('startCommand reads drop-ins in order, except the excluded one', () => {
  const text = `${debianUnit}
# /etc/a.conf
[Service]
ExecStart=
ExecStart="/opt/my docker/dockerd" --label "a b"
[Unit]
ExecStart=/no
# /etc/belt.conf
[Service]
ExecStart=
ExecStart=/bin/belts`;
  expect(startCommand(text, '/etc/belt.conf')).toEqual(['"/opt/my docker/dockerd"', '--label', '"a b"']);
  expect(startCommand('', '')).toBeUndefined();
});

describe('refuseObstacles', () => {
  const refused = (change: Parameters<typeof factsOf>[1], settings = settingsOf(), now = 1_000_000) => {
    try {
      refuseObstacles('node1', factsOf(osReleases.debian, change), settings, now);
      return undefined;
    } catch (error) {
      return error instanceof UserError ? error.message : error;
    }
  };

  test('refuseObstacles names each obstacle', () => {
    expect(refused({})).toBeUndefined();
    expect(refused({ access: 'none' })).toBe('node1: the SSH user is not root and sudo is not installed');
    expect(refused({ writable: false })).toContain('read-only');
    expect(refused({ freeKib: 12 })).toBe('node1: the disk is full: 12 KiB free on /, 1024 KiB needed');
    expect(refused({}, settingsOf(), 1_000_300)).toBe(
      "node1: its clock is 300 s behind this computer's, and TLS requires synchronized clocks",
    );
    expect(refused({}, settingsOf(), 1_000_029)).toBeUndefined();
    expect(refused({}, settingsOf({ access: 'local' }), 1_000_300)).toBeUndefined();
  });
});
