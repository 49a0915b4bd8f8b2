import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { engineTraces } from '../../src/engine/traces.js';
import { ExternalError } from '../../src/errors.js';
import { type FoundState, parseFound, restoreSteps } from '../../src/operations/machines/found.js';
import { planList } from '../../src/ui/views/plan.js';

/** How a server was found, and the way back to it. */

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const nothing: FoundState = {
  files: [],
  links: [],
  folders: ['/etc/docker', '/etc/sysctl.d'],
  units: [
    { name: 'docker.service', active: 'active', enabled: 'enabled' },
    { name: 'docker.socket', active: 'active', enabled: 'enabled' },
  ],
  kernel: [],
  containers: [],
};

describe('what a server tells', () => {
  const answer = [
    `file /etc/docker/daemon.json 640 1 2 ${base64('{"a b": "c\n"}')}`,
    'file /etc/conf.d/docker 644 0 0 ',
    `link /etc/docker/ca.pem ${base64('/srv/ca pem')}`,
    'folder /etc/docker',
    'kernel fs.inotify.max_user_watches 8192',
    'kernel net.ipv4.neigh.default.gc_thresh1 ',
    'unit docker.service inactive ',
    'unit docker.socket active enabled',
    'container 0123',
    '',
  ].join('\n');

  test('is read whole, whatever a login prints around it', () => {
    const output = `Welcome!\nmark begin of something\n\nm1 begin\n${base64(answer)}\n\nm1 end\nbye\n`;
    expect(parseFound('node1', output, 'm1')).toEqual({
      files: [
        { path: '/etc/docker/daemon.json', mode: '640', uid: 1, gid: 2, content: base64('{"a b": "c\n"}') },
        { path: '/etc/conf.d/docker', mode: '644', uid: 0, gid: 0, content: '' },
      ],
      links: [{ path: '/etc/docker/ca.pem', target: base64('/srv/ca pem') }],
      folders: ['/etc/docker'],
      units: [
        { name: 'docker.service', active: 'inactive', enabled: '' },
        { name: 'docker.socket', active: 'active', enabled: 'enabled' },
      ],
      kernel: [{ key: 'fs.inotify.max_user_watches', value: '8192' }],
      containers: ['0123'],
    });
  });

  test('an answer without its end is none', () => {
    expect(() => parseFound('node1', `m1 begin\n${base64(answer)}`, 'm1')).toThrow(
      new ExternalError('node1 did not answer what belt asked of it'),
    );
  });
});

describe('the way back', () => {
  test('what was not there goes, folders that belt made too, and the engine restarts only if something changed', () => {
    const shared = ['/etc/docker/daemon.json', '/etc/conf.d/docker'];
    expect(restoreSteps(nothing)).toEqual([
      ...shared.map((path) => `from_copy ${path} ${path}.before-belt`),
      ...engineTraces.filter((path) => !shared.includes(path)).map((path) => `absent ${path}`),
      'no_folder /etc/systemd/system/docker.service.d',
      'systemctl daemon-reload',
      'enabled docker.service enabled',
      'enabled docker.socket enabled',
      `[ -z "$changed" ] || restart 'systemctl reset-failed docker.service docker.socket 2>/dev/null; systemctl restart docker.service'`,
      'systemctl start docker.socket',
    ]);
  });

  test("a file that is not belt's alone comes back only where belt has changed it, before its copy goes", () => {
    const steps = restoreSteps({
      ...nothing,
      files: [{ path: '/etc/docker/daemon.json', mode: '640', uid: 1, gid: 2, content: 'e30' }],
    });
    expect(steps[0]).toBe(
      'if [ -e /etc/docker/daemon.json.before-belt ]; then file /etc/docker/daemon.json 640 1 2 e30; fi',
    );
    expect(steps.indexOf('absent /etc/docker/daemon.json.before-belt')).toBeGreaterThan(0);
  });

  test('an engine that was off is off again, one that belt installed goes on', () => {
    const off = nothing.units.map((unit) => ({ ...unit, active: 'inactive', enabled: 'disabled' }));
    expect(restoreSteps({ ...nothing, units: off }).slice(-4)).toEqual([
      'systemctl daemon-reload',
      'enabled docker.service disabled',
      'enabled docker.socket disabled',
      'systemctl stop docker.socket docker.service 2>/dev/null',
    ]);
    const absent = nothing.units.map((unit) => ({ ...unit, active: 'inactive', enabled: 'not-found' }));
    expect(restoreSteps({ ...nothing, units: absent }).slice(-2)).toEqual([
      'systemctl daemon-reload',
      `[ -z "$changed" ] || restart 'systemctl reset-failed docker.service docker.socket 2>/dev/null; systemctl restart docker.service'`,
    ]);
  });

  test('odd names and contents are words of the shell', () => {
    const content = base64(`'"$(false)\n`);
    const steps = restoreSteps({
      ...nothing,
      files: [{ path: `/etc/docker/ca.pem`, mode: '644', uid: 0, gid: 0, content }],
      links: [{ path: '/etc/docker/server.pem', target: base64('$(false)') }],
      kernel: [{ key: 'a.b', value: '1; false' }],
    });
    const script = [
      'set -e',
      'file() { printf "%s\\n" "$#"; }',
      'link() { file "$@"; }',
      'sysctl() { file "$@"; }',
    ];
    const lines = steps.filter((line) => /^(file|link|\[ ! -e)/.test(line));
    expect(lines.length).toBe(3);
    const printed = execFileSync('sh', ['-c', [...script, ...lines].join('\n')], {
      stdio: 'pipe',
    }).toString();
    expect(printed).toBe('5\n2\n');
  });
});

test('a plan is a heading and a line a step', () => {
  const plan = { name: 'a', address: '10.0.0.1', files: [], commands: [], containers: 0 };
  expect(
    planList(
      [
        {
          ...plan,
          system: 'Debian GNU/Linux 13 (trixie)',
          steps: ['install Docker from x', 'restart\nthe engine'],
        },
        { ...plan, name: 'b', address: '', system: '', steps: ['nothing to do'] },
      ],
      { color: false },
    ),
  ).toBe(
    [
      'a  10.0.0.1  Debian GNU/Linux 13 (trixie)',
      '  - install Docker from x',
      '  - restart the engine',
      'b',
      '  - nothing to do',
    ].join('\n'),
  );
});
