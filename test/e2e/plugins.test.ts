import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines, imageRoot } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

const fixture = resolve('test/fixtures/belt-driver-box');

/** A third-party driver, packed by its author and installed by a user. */
describe.runIf(canCreateMachines())('plugins', () => {
  const lab = mkdtempSync(join(tmpdir(), 'belt-plugins-'));
  const data = join(lab, 'data');
  const boxes = join(lab, 'boxes');
  let belt: Belt;
  let tarball: string;

  beforeAll(async () => {
    belt = await newBelt({ BELT_DATA_DIR: data, BOX_STATE: boxes });
    tarball = pack(fixture);
  });
  afterAll(async () => {
    await belt.dispose();
    rmSync(lab, { recursive: true });
  });

  const pack = (folder: string): string => {
    const args = ['pack', '--silent', '--pack-destination', lab];
    return join(lab, execFileSync('npm', args, { cwd: folder, encoding: 'utf8' }).trim());
  };
  /** A package with this index.js. */
  const packageOf = (
    name: string,
    index: string,
    belongs: object = { driver: './index.js', api: 1 },
    more: object = {},
  ): string => {
    const folder = join(lab, name);
    mkdirSync(folder);
    const manifest = { name, version: '1.0.0', type: 'module', belt: belongs, ...more };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(folder, 'index.js'), index);
    return folder;
  };
  const driverOf = (name: string): string =>
    `export const driver = { name: '${name}', summary: 'nothing', settings: [], open: async () => ({}) };`;
  const installed = async (): Promise<{ driver: string; version?: string; error?: string }[]> =>
    JSON.parse(await belt.ok(['plugins', '--json']));

  test('plugins ls lists nothing and creates nothing without plugins', async () => {
    expect(await installed()).toEqual([]);
    await belt.ok(['ls']);
    expect(readdirSync(lab).includes('data')).toBe(false);
    const { code, stderr } = await belt.run(['create', '-d', 'box', 'm1']);
    expect(code).toBe(1);
    expect(stderr).toContain('unknown driver "box"');
    expect(stderr).toContain('belt plugins install PACKAGE');
  });

  test.each([
    [
      'throws',
      'throw new Error("its library is missing")',
      undefined,
      'cannot load belt-driver-throws 1.0.0: its library is missing',
    ],
    [
      'empty',
      'export {}',
      undefined,
      'belt-driver-empty 1.0.0 has no driver: ./index.js does not export one',
    ],
    ['shapeless', 'export const driver = { name: "x" }', undefined, 'has an invalid driver: summary'],
    ['nspawn', driverOf('nspawn'), undefined, 'names its driver "nspawn", which belt reserves'],
    ['ec2', driverOf('ec2'), undefined, 'names its driver "ec2", which belt reserves'],
    [
      'old',
      driverOf('old'),
      { driver: './index.js', api: 0 },
      'requires driver API 0, but this version of belt provides 1',
    ],
    ['silent', driverOf('silent'), {}, 'its package.json does not declare one'],
    [
      'lost',
      driverOf('lost'),
      { driver: './lost.js', api: 1 },
      'cannot load belt-driver-lost 1.0.0: Cannot find',
    ],
  ])(
    'a package that %s is refused in one line, and leaves nothing behind',
    async (name, index, belongs, says) => {
      const folder = packageOf(`belt-driver-${name}`, index, belongs);
      for (const verb of ['install', 'link']) {
        const { code, stderr } = await belt.run(['plugins', verb, folder]);
        expect(stderr).toContain(says);
        expect(stderr).not.toMatch(/^\s+at |bug in belt/m);
        expect(code).toBe(1);
      }
      expect(await installed()).toEqual([]);
      expect(readdirSync(join(data, 'plugins'))).toEqual([]);
    },
  );

  test('plugins install refuses a file that is not a package', async () => {
    const missing = await belt.run(['plugins', 'install', './nothing.tgz']);
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('nothing.tgz')]);
    const unknown = await belt.run(['plugins', 'uninstall', 'belt-driver-box']);
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('belt plugins install PACKAGE'),
    ]);
  });

  test('the npm settings of the user do not change an install', async () => {
    const folder = packageOf('belt-driver-plain', driverOf('plain'));
    const env = { npm_config_save: 'false', npm_config_save_dev: 'true' };
    await belt.ok(['plugins', 'install', folder], { env });
    expect(await installed()).toMatchObject([{ driver: 'plain', package: 'belt-driver-plain' }]);
  });

  test('a driver that lacks methods is reported by name, and other drivers work', async () => {
    const { code, stderr } = await belt.run(['create', '-d', 'plain', 'm1']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('plain: the opened driver lacks check()')]);
    expect(stderr).not.toContain('bug in belt');
    expect(await belt.ok(['doctor'])).toMatch(/nspawn: ready[\s\S]*plain: the opened driver lacks check/);
    await belt.ok(['plugins', 'uninstall', 'plain']);
  });

  test('plugins install installs the dependencies of a plugin', async () => {
    const library = packageOf('belt-lab-words', 'export const words = "said by its dependency";');
    const dependencies = { 'belt-lab-words': `file:${pack(library)}` };
    const index = `import { words } from 'belt-lab-words';
export const driver = { name: 'worded', summary: words, settings: [], open: async () => ({}) };`;
    const folder = packageOf('belt-driver-worded', index, undefined, { dependencies });
    await belt.ok(['plugins', 'install', pack(folder)], { env: { npm_config_offline: 'true' } });
    expect(await installed()).toEqual([
      {
        driver: 'worded',
        package: 'belt-driver-worded',
        version: '1.0.0',
        summary: 'said by its dependency',
      },
    ]);
    await belt.ok(['plugins', 'uninstall', 'worded']);
  });

  test('help, doctor and settings include the driver of an installed plugin', async () => {
    expect(await belt.ok(['plugins', 'install', tarball])).toMatch(/box +belt-driver-box +1\.0\.0/);
    expect(await installed()).toMatchObject([
      { driver: 'box', package: 'belt-driver-box', version: '1.0.0' },
    ]);

    expect(await belt.ok(['create', '--help'])).toMatch(/DRIVERS[\s\S]* nspawn [\s\S]* box +processes/);
    expect(await belt.ok(['create', '--help'])).not.toContain('--box-root');
    const help = await belt.ok(['create', '-d', 'box', '--help']);
    expect(help).toMatch(/BOX DRIVER FLAGS[\s\S]*--box-root=VALUE[\s\S]*--box-subnet=VALUE/);
    expect(help).not.toContain('--nspawn-image');

    expect(await belt.ok(['doctor', '-d', 'box'])).toContain('box: ready');
    expect((await belt.run(['doctor'])).stdout).toMatch(/^nspawn\n[\s\S]*^box\n/m);

    const mistyped = await belt.run(['create', '-d', 'bxo', 'm1']);
    expect(mistyped.stderr).toContain('Did you mean "box"?');
    writeFileSync(join(belt.folder, '.belt.yaml'), 'box:\n  rot: /\n');
    const wrong = await belt.run(['create', '-d', 'box', 'm1']);
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringContaining('"rot" is not a setting of the box driver'),
    ]);
    const refused = await belt.run(['create', '-d', 'box', '512mb', 'm1']);
    expect(refused.code).toBe(1);
    rmSync(join(belt.folder, '.belt.yaml'));
  });

  test("a plugin's errors are reported like belt's own", async () => {
    const { code, stderr } = await belt.run(['create', '-d', 'box', '--box-root', lab, 'm1']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`box: ${lab} is not a root file system with systemd`),
    ]);
    const flag = await belt.run(['create', '-d', 'box', '--box-rot', lab, 'm1']);
    expect([flag.code, flag.stderr]).toEqual([2, expect.stringContaining('--box-rot')]);
  });

  test('create with a plugin driver resumes after being killed twice', async () => {
    let tried = 0;
    const args = ['create', '-d', 'box', '--box-root', imageRoot(), 'm[1:2]'];
    const isNumbered = () => boxesThere().length > 0;
    // Its link to this computer is missing or down.
    const isBooting = () => existsSync(join(boxes, 'box1/pid'));
    for (const isMoment of [isNumbered, isBooting]) {
      tried++;
      const child = belt.spawn(args);
      const ended = new Promise((done) => child.once('close', done));
      while (!isMoment()) await new Promise((wait) => setTimeout(wait, 10));
      child.kill('SIGKILL');
      await ended;
    }
    const created = await belt.ok(args);
    expect(boxesThere()).toEqual(['box1', 'box2']);
    expect(created).toMatch(/m1 +box +Running +10\.231\.\d+\.2/);
    const hostnames = await belt.ok(['exec', 'm[1:2]', '--', 'hostname']);
    expect(hostnames.trimEnd().split('\n').sort()).toEqual(['m1: m1', 'm2: m2']);
    expect(await belt.ok(['ssh', 'm1', 'systemd-detect-virt'])).toBe('systemd-nspawn\n');
    expect(await belt.ok(['docker', '--host', 'm2', 'info', '--format', '{{.Name}}'])).toBe('m2\n');
    await belt.ok(['stop', 'm1']);
    expect(await states()).toEqual({ m1: 'stopped', m2: 'running' });
    await belt.ok(['start', 'm1']);
    await belt.ok(['kill', 'm2']);
    expect(await states()).toEqual({ m1: 'running', m2: 'stopped' });
    await belt.ok(['start', 'm2']);
    const resized = await belt.run(['resize', '1gb', 'm1']);
    expect([resized.code, resized.stderr]).toEqual([1, expect.stringContaining('boxes have no sizes')]);
    recordFault({ kind: 'Killed and interrupted', fault: '`create` with a plugin driver is killed', tried });
  });

  test('uninstall refuses a plugin with machines, and ls lists them even without it', async () => {
    const refused = await belt.run(['plugins', 'uninstall', 'box']);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('box has machines: default/m1, default/m2'),
    ]);
    expect(await belt.ok(['plugins', 'uninstall', '--force', 'belt-driver-box'])).toBe('belt-driver-box\n');
    const { code, stdout } = await belt.run(['ls']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/m1 .* box +Error .* unknown driver "box"/);
    const stop = await belt.run(['stop', 'm1']);
    expect([stop.code, stop.stderr]).toEqual([1, expect.stringContaining('unknown driver "box"')]);
    writeFileSync(join(belt.folder, '.belt.yaml'), 'box:\n  root: /\n');
    const section = await belt.run(['create', 'm3']);
    expect(section.stderr).toMatch(/"box" is not a setting or driver\n.*belt plugins install PACKAGE/);
    rmSync(join(belt.folder, '.belt.yaml'));
    // Commands that need no driver continue to work.
    expect(await belt.ok(['ssh', 'm1', 'hostname'])).toBe('m1\n');
  });

  test('a linked plugin is used in place, and a fault in it does not affect other drivers', async () => {
    const folder = join(lab, 'work');
    execFileSync('cp', ['-r', fixture, folder]);
    await belt.ok(['plugins', 'link', folder]);
    expect(await installed()).toMatchObject([{ driver: 'box', linkedTo: folder }]);
    expect(await states()).toEqual({ m1: 'running', m2: 'running' });

    const index = join(folder, 'index.js');
    const good = readFileSync(index, 'utf8');
    writeFileSync(index, 'throw new Error("half written")');
    expect((await installed())[0]?.error).toContain('half written');
    expect(await belt.ok(['doctor'])).toMatch(/nspawn: ready[\s\S]*half written/);
    const doctor = await belt.run(['doctor', '-d', 'box']);
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringContaining('half written')]);
    expect(await belt.ok(['create', '--help'])).toContain('half written');
    const create = await belt.run(['create', '-d', 'box', '--box-root', imageRoot(), 'm3']);
    expect([create.code, create.stderr]).toEqual([
      1,
      expect.stringContaining('cannot load belt-driver-box 1.0.0: half written'),
    ]);
    const other = await belt.run(['create', '-d', 'nspawn', '9000gb', 'm3']);
    expect(other.stderr).toContain('9000gb');
    expect(await belt.ok(['ls'])).toContain('half written');
    writeFileSync(index, `setTimeout(() => { throw new Error('late'); });\n${good}`);
    const late = await belt.run(['doctor']);
    expect([late.code, late.stdout, late.stderr]).toEqual([
      70,
      '',
      expect.stringMatching(/^this is a bug in belt: late\nrun the same command with --debug .*\n$/),
    ]);
    writeFileSync(index, good);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'a plugin throws while it is loaded, and later',
      tried: 2,
    });
  });

  test('install replaces the same package but refuses another one with the same driver', async () => {
    const other = packageOf('belt-driver-other', driverOf('box'));
    const { code, stderr } = await belt.run(['plugins', 'install', other]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('belt-driver-box has a driver called "box" already'),
    ]);
    await belt.ok(['plugins', 'install', tarball]);
    expect((await installed())[0]).not.toHaveProperty('linkedTo');
  });

  test('a plugin can be uninstalled after its machines are removed', async () => {
    await belt.ok(['rm', '-y', 'm1', 'm2']);
    expect(boxesThere()).toEqual([]);
    // The kernel removes a link some time after the last process at its other end.
    const links = () => readdirSync('/sys/class/net').filter((name) => name.startsWith('ve-box'));
    await expect.poll(links).toEqual([]);
    expect(readdirSync('/run/systemd/nspawn/propagate').filter((name) => name.startsWith('box'))).toEqual([]);
    await belt.ok(['plugins', 'uninstall', 'box']);
    expect(await installed()).toEqual([]);
    expect(readdirSync(join(data, 'plugins'))).toEqual([]);
  });

  const boxesThere = (): string[] =>
    (existsSync(boxes) ? readdirSync(boxes) : []).filter((name) => !name.startsWith('.'));
  const states = async (): Promise<Record<string, string>> => {
    const rows = (await belt.list()) as { name: string; state: string }[];
    return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
  };
});
