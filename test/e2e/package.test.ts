import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canCreateMachines } from '../lab/machines.js';

/** The tarball that `npm publish` would upload, installed without a network or a cache. */
describe('the npm package', () => {
  const lab = mkdtempSync(join(tmpdir(), 'belt-package-'));
  const installed = join(lab, 'node_modules/belt-swarm');
  let packed: { filename: string; files: { path: string }[] };
  const run = (program: string, args: readonly string[], cwd = lab): string =>
    execFileSync(program, args, {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, BELT_HOME: join(lab, 'belt') },
    });

  beforeAll(() => {
    // Without scripts, because `prepack` replaces the dist/ that other tests run.
    const report = run(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', lab],
      resolve('.'),
    );
    [packed] = JSON.parse(report);
    const cache = join(lab, 'cache');
    run('npm', [
      'install',
      '--offline',
      '--no-audit',
      '--prefix',
      lab,
      '--cache',
      cache,
      `./${packed.filename}`,
    ]);
  });
  afterAll(() => rmSync(lab, { recursive: true }));

  test('installs nothing but belt', () => {
    const folders = readdirSync(join(lab, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(folders).toEqual(['belt-swarm']);
  });

  test('the manual is where package.json says', () => {
    const { man } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { man: string[] };
    expect(man.map((path) => existsSync(join(installed, path)))).toEqual([true]);
  });

  test('every file of the program loads without other packages', () => {
    const program = `
      import { readdir } from 'node:fs/promises';
      for (const file of await readdir('dist', { recursive: true }))
        if (file.endsWith('.js')) await import(process.cwd() + '/dist/' + file);`;
    expect(run(process.execPath, ['--input-type', 'module', '-e', program], installed)).toBe('');
  });

  test('every command shows its help', () => {
    const program = `
      import { readFile } from 'node:fs/promises';
      const { main } = await import(process.cwd() + '/dist/cli/main.js');
      for (const id of Object.keys(JSON.parse(await readFile('oclif.manifest.json')).commands)) {
        console.log('command:', id);
        await main([...id.split(':'), '--help'], 'file://' + process.cwd() + '/bin/run.js');
        if (process.exitCode) break;
      }`;
    const helps = run(process.execPath, ['--input-type', 'module', '-e', program], installed).split(
      'command: ',
    );
    expect(helps.length).toBeGreaterThan(80);
    expect(helps.slice(1).filter((help) => !help.includes('\nUSAGE\n'))).toEqual([]);
  });

  test.each([
    [['--version'], /^belt version /],
    [['ls', '--json'], /^\[\]\n$/],
    [['doctor', '-d', 'none'], /^none: ready/m],
    [['completion', 'bash'], /complete /],
    [['create', '--dry-run', '-d', 'none', '--url', 'tcp://203.0.113.1:2376', 'm'], /203\.0\.113\.1/],
  ])('the program runs %j', (args, output) => {
    expect(run(join(lab, 'node_modules/.bin/belt'), args)).toMatch(output);
  });

  test('contains no source maps, no recorder of the demo and no install scripts', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths.filter((path) => /\.map$|^docs\/demo\/|^(src|test)\//.test(path))).toEqual([]);
    expect(paths).toEqual(expect.arrayContaining(['docs/install.md', 'bin/run.js']));
    const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(Object.keys(scripts).filter((name) => /install|^prepare$/.test(name))).toEqual([]);
  });

  test.runIf(canCreateMachines())('runs as a user without rights to its files', () => {
    chmodSync(lab, 0o755);
    const otherUser = '65534';
    const home = join(lab, 'home');
    mkdirSync(home);
    chownSync(home, Number(otherUser), Number(otherUser));
    const asUser = (...args: string[]): string =>
      execFileSync(
        'setpriv',
        [
          ...[`--reuid=${otherUser}`, `--regid=${otherUser}`, '--clear-groups'],
          ...['env', '-i', `HOME=${home}`, process.execPath, join(installed, 'bin/run.js'), ...args],
        ],
        { cwd: '/', encoding: 'utf8' },
      );
    expect(asUser('create', '-d', 'none', '--url', 'tcp://203.0.113.1:2376', 'box')).toContain('box');
    expect(asUser('ls', '-q')).toBe('box\n');
    expect(asUser('rm', '-y', 'box')).toContain('Successfully removed box');
  });

  test('contains the licenses of the packages in the bundle', () => {
    const notices = readFileSync(join(installed, 'THIRD-PARTY-NOTICES'), 'utf8');
    for (const name of ['@oclif/core', '@aws-sdk/client-ec2', 'ssh2', 'node-forge', 'digitalocean-js', 'zod'])
      expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'));
    expect(notices).not.toMatch(/^(typescript|vitest|esbuild) /m);
  });

  test('exports the types that a driver implements', () => {
    const folder = join(lab, 'belt-driver-typed');
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    symlinkSync(installed, join(folder, 'node_modules/belt-swarm'));
    const compile = (text: string): number => {
      writeFileSync(
        join(folder, 'index.ts'),
        `import type { DriverModule } from 'belt-swarm/driver';\n${text}`,
      );
      const args = ['--strict', '--noEmit', '--module', 'nodenext', '--types', 'node', '--typeRoots'];
      const program = resolve('node_modules/typescript/bin/tsc');
      try {
        run(process.execPath, [program, ...args, resolve('node_modules/@types'), 'index.ts'], folder);
        return 0;
      } catch {
        return 1;
      }
    };
    const open = 'open: async () => { throw new Error() }';
    expect(
      compile(`export const driver: DriverModule = { name: 'x', summary: '', settings: [], ${open} };`),
    ).toBe(0);
    expect(
      compile(`export const driver: DriverModule = { name: 'x', summary: '', settings: 1, ${open} };`),
    ).toBe(1);
  });
});
