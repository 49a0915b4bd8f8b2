import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canCreateMachines } from '../lab/machines.js';

/** Creates machines with sudo and uses them from an ordinary account. */
describe.skipIf(!canCreateMachines())('under sudo', () => {
  const user = 'belt-test-user';
  let home: string;
  /** A copy that the user may read: this folder may belong to root. */
  let installed: string;
  let uid: number;
  let gid: number;

  const belt = (
    who: 'user' | 'sudo',
    ...args: string[]
  ): { status: number | null; stdout: string; stderr: string } => {
    const base = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8' };
    const asSudo = { ...base, HOME: '/root', SUDO_UID: String(uid), SUDO_GID: String(gid), SUDO_USER: user };
    const options = who === 'sudo' ? { env: asSudo } : { env: { ...base, HOME: home }, uid, gid };
    return spawnSync(process.execPath, [join(installed, 'bin/run.js'), ...args], {
      cwd: home,
      encoding: 'utf8',
      ...options,
    });
  };

  beforeAll(() => {
    installed = mkdtempSync(join(tmpdir(), 'belt-installed-'));
    for (const part of ['bin', 'dist', 'templates', 'package.json', 'oclif.manifest.json']) {
      cpSync(part, join(installed, part), { recursive: true });
    }
    chmodSync(installed, 0o755);
    home = mkdtempSync(join(tmpdir(), 'belt-home-'));
    execFileSync('useradd', ['--no-create-home', '--home-dir', home, '--shell', '/bin/sh', user]);
    uid = Number(execFileSync('id', ['-u', user]));
    gid = Number(execFileSync('id', ['-g', user]));
    chownSync(home, uid, gid);
    chmodSync(home, 0o755);
  });

  afterAll(() => {
    belt('sudo', 'rm', '--all', '--yes');
    execFileSync('userdel', [user]);
    for (const folder of [home, installed]) rmSync(folder, { recursive: true, force: true });
  });

  test('create without sudo reports what it needs and changes nothing', () => {
    const { status, stdout, stderr } = belt('user', 'create', '512mb', 'node[1:2]');
    expect([status, stdout, stderr]).toEqual([1, '', expect.stringContaining('sudo')]);
    expect(readdirSync(home)).toEqual([]);
  });

  test('with sudo, all state files are private and belong to the caller', () => {
    const { status, stderr } = belt('sudo', 'create', '512mb', 'node[1:2]');
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    const entries = readdirSync(join(home, '.belt'), { recursive: true, withFileTypes: true });
    const wrong = entries.filter((entry) => {
      const { uid: owner, mode } = statSync(join(entry.parentPath, entry.name));
      return owner !== uid || (mode & 0o077) !== 0;
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
    expect(entries.length).toBeGreaterThan(5);
  });

  test('machines created with sudo can be used without it', () => {
    expect(belt('user', 'ls', '-q')).toMatchObject({ status: 0, stdout: 'node1\nnode2\n' });
    expect(belt('user', 'status', 'node1')).toMatchObject({ status: 0, stdout: 'Running\n' });
    expect(belt('user', 'ip', 'node1').status).toBe(0);
    expect(belt('user', 'active', 'node1')).toMatchObject({ status: 0, stdout: 'node1\n' });
    expect(belt('user', 'docker', 'info', '--format', '{{.Name}}')).toMatchObject({
      status: 0,
      stdout: 'node1\n',
    });
    expect(belt('user', 'docker', 'swarm', 'init').stdout).toMatch(/^Swarm initialized/);
    expect(belt('user', 'swarm', 'join', 'node1', 'node2').stdout).toBe(
      'node2: This node joined a swarm as a worker.\n',
    );
  });

  test('belt names a state folder that is not writable and changes nothing', () => {
    const folder = join(home, '.belt', 'default');
    chmodSync(folder, 0o500);
    const { status, stderr } = belt('user', 'active', 'node2');
    chmodSync(folder, 0o700);
    expect([status, stderr]).toEqual([1, expect.stringContaining(folder)]);
    expect(belt('user', 'active').stdout).toBe('node1\n');
  });

  test('plugins install with sudo runs npm and its scripts as the caller', () => {
    const driver = `export const driver = { name: 'box', summary: 'none', settings: [], open: async () => ({}) };`;
    const manifest = {
      name: 'belt-driver-sudo',
      version: '1.0.0',
      type: 'module',
      belt: { driver: './index.js', api: 1 },
      scripts: { postinstall: 'id -u >who' },
    };
    mkdirSync(join(home, 'plugin'));
    writeFileSync(join(home, 'plugin/index.js'), driver);
    writeFileSync(join(home, 'plugin/package.json'), JSON.stringify(manifest));
    expect(belt('sudo', 'plugins', 'install', './plugin')).toMatchObject({ status: 0 });
    const share = join(home, '.local/share');
    const entries = readdirSync(share, { recursive: true, encoding: 'utf8' });
    expect(entries.filter((path) => statSync(join(share, path)).uid !== uid)).toEqual([]);
    const who = entries.find((path) => path.endsWith('/belt-driver-sudo/who'));
    expect(readFileSync(join(share, who ?? ''), 'utf8')).toBe(`${uid}\n`);
    expect(belt('user', 'plugins', 'uninstall', 'belt-driver-sudo')).toMatchObject({ status: 0 });
  });

  test('commands that need root report it', () => {
    const { status, stderr } = belt('user', 'stop', 'node2');
    expect([status, stderr]).toEqual([1, expect.stringContaining('sudo')]);
  });
});
