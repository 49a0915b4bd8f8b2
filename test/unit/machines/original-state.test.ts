import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ExternalError } from '../../../src/base/errors.js';
import { templatesIn } from '../../../src/base/templates.js';
import { managedFiles } from '../../../src/engine/model/managed-files.js';
import {
  type OriginalState,
  parseOriginalState,
  restoreSteps,
} from '../../../src/machines/original-state.js';
import { planList } from '../../../src/machines/views/machine-tables.js';

/** Reads the original state of a server and restores it. */

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const nothing: OriginalState = {
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

describe('parseOriginalState', () => {
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
    'swarm h5hyfx7agwkgqqvgyr0q4v2s1',
    '',
  ].join('\n');

  test('the original state is read from the output, whatever a login prints around it', () => {
    const output = `Welcome!\nmark begin of something\n\nm1 begin\n${base64(answer)}\n\nm1 end\nbye\n`;
    expect(parseOriginalState('node1', output, 'm1')).toEqual({
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
      swarmNode: 'h5hyfx7agwkgqqvgyr0q4v2s1',
    });
  });

  test('truncated output is an error', () => {
    expect(() => parseOriginalState('node1', `m1 begin\n${base64(answer)}`, 'm1')).toThrow(
      new ExternalError('node1 returned an unexpected response'),
    );
  });
});

describe('restoreSteps', () => {
  test('restoring removes files and folders that belt created, and restarts the engine only after a change', () => {
    const shared = ['/etc/docker/daemon.json', '/etc/conf.d/docker', '/var/lib/boot2docker/profile'];
    expect(restoreSteps(nothing, [])).toEqual([
      ...managedFiles.filter((path) => !shared.includes(path)).map((path) => `absent ${path}`),
      'no_folder /etc/systemd/system/docker.service.d',
      'systemctl daemon-reload',
      'enabled docker.service enabled',
      'enabled docker.socket enabled',
      `[ -z "$changed" ] || restart 'systemctl reset-failed docker.service docker.socket 2>/dev/null; systemctl restart docker.service'`,
      'systemctl start docker.socket',
    ]);
  });

  test("restoring a shared file brings back the original file or link, or the engine's default", () => {
    const path = '/etc/docker/daemon.json';
    const lines = (found: Partial<OriginalState>, text?: string) =>
      restoreSteps({ ...nothing, ...found }, [{ path, ...(text !== undefined && { text }) }]).filter((line) =>
        line.includes(`${path} `),
      );
    const file = { path, mode: '640', uid: 1, gid: 2, content: base64('found') };
    expect(lines({ files: [file] }, 'abc')).toEqual([`file ${path} 640 1 2 YWJj`]);
    expect(lines({ links: [{ path, target: 'L3NydjE2' }] }, 'abc')).toEqual([
      `link ${path} L3NydjE2`,
      `content ${path} YWJj`,
    ]);
    expect(lines({}, 'abc')).toEqual([`content ${path} YWJj`]);
    expect(restoreSteps(nothing, [{ path }])).toContain(`absent ${path}`);
    expect(restoreSteps({ ...nothing, files: [file] }, []).join()).not.toContain(`${path} `);
  });

  test('restoring stops an engine that was stopped, and keeps one that belt installed running', () => {
    const off = nothing.units.map((unit) => ({ ...unit, active: 'inactive', enabled: 'disabled' }));
    expect(restoreSteps({ ...nothing, units: off }, []).slice(-4)).toEqual([
      'systemctl daemon-reload',
      'enabled docker.service disabled',
      'enabled docker.socket disabled',
      'systemctl stop docker.socket docker.service 2>/dev/null',
    ]);
    const absent = nothing.units.map((unit) => ({ ...unit, active: 'inactive', enabled: 'not-found' }));
    expect(restoreSteps({ ...nothing, units: absent }, []).slice(-2)).toEqual([
      'systemctl daemon-reload',
      `[ -z "$changed" ] || restart 'systemctl reset-failed docker.service docker.socket 2>/dev/null; systemctl restart docker.service'`,
    ]);
  });

  test('restoring leaves a swarm first, except the original one, and none if that is unknown', () => {
    expect(restoreSteps(nothing, [])[0]).not.toContain('leave_swarm');
    expect(restoreSteps({ ...nothing, swarmNode: '' }, [])[0]).toBe("leave_swarm ''");
    expect(restoreSteps({ ...nothing, swarmNode: 'h5hyfx7' }, [])[0]).toBe('leave_swarm h5hyfx7');
  });

  test('restoring quotes unusual names and contents for the shell', () => {
    const content = base64(`'"$(false)\n`);
    const found = {
      ...nothing,
      files: [{ path: `/etc/docker/ca.pem`, mode: '644', uid: 0, gid: 0, content }],
      links: [{ path: '/etc/docker/server.pem', target: base64('$(false)') }],
      kernel: [{ key: 'a.b', value: '1; false' }],
    };
    const steps = restoreSteps(found, []);
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

describe('restore.sh', () => {
  /** Runs restore.sh with these steps. @returns whether it reports a change */
  const restore = async (...steps: string[]): Promise<string> => {
    const templates = templatesIn('templates');
    const prelude = await templates.render('engine/prelude.sh', { mark: 'm1' });
    const input = await templates.render('adopt/restore.sh', { prelude, steps: steps.join('\n') });
    const printed = execFileSync('sh', ['-s'], { input, stdio: 'pipe' }).toString();
    const [, done = 'nothing'] = /^m1 done (\S*)$/m.exec(printed) ?? [];
    return Buffer.from(done, 'base64').toString();
  };

  test('restore.sh writes through links, keeps modes, and reports whether anything changed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'belt-restore-'));
    const [target, path] = [join(folder, 'target'), join(folder, 'daemon.json')];
    await writeFile(target, 'old', { mode: 0o600 });
    await writeFile(path, "belt's");
    const steps = [`link ${path} ${base64(target)}`, `content ${path} ${base64('new')}`];
    expect(await restore(...steps)).toBe('yes');
    expect([await readlink(path), await readFile(target, 'utf8')]).toEqual([target, 'new']);
    expect((await stat(target)).mode & 0o777).toBe(0o600);
    expect(await restore(...steps)).toBe('');
    await rm(folder, { recursive: true });
  });
});

test('a plan is printed as a heading and one line per step', () => {
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
