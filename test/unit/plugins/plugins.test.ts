import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AbortError, ExternalError, UserError } from '../../../src/base/errors.js';
import type { Driver, DriverOptions } from '../../../src/drivers/driver.js';
import { loadPackage } from '../../../src/drivers/load-plugin.js';
import { guardDriver } from '../../../src/drivers/plugin-guard.js';
import { builtInDrivers, driversWith } from '../../../src/drivers/registry.js';
import { isLocal } from '../../../src/plugins/install-plugin.js';
import type { Environment } from '../../../src/state/environment.js';
import { openPlugins, type StagedPlugin } from '../../../src/state/plugin-store.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belt-plugins-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the driver of a package', () => {
  let count = 0;
  /** Loads a package with this driver. */
  const load = async (driver: string) => {
    const file = `driver-${++count}.mjs`;
    await writeFile(join(folder, file), `export const driver = ${driver}`);
    return loadPackage({
      name: 'belt-driver-x',
      version: '2.1.0',
      folder,
      declared: { driver: `./${file}`, api: 1 },
    });
  };
  const withSetting = (setting: object): string =>
    `{ name: 'x', summary: 's', settings: [${JSON.stringify({ summary: 's', type: 'string', ...setting })}], open() {} }`;

  test('the driver of a package is loaded with its settings', async () => {
    const driver = await load(withSetting({ key: 'a_b', flag: 'x-other' }));
    expect(driver).toMatchObject({ name: 'x', summary: 's', settings: [{ key: 'a_b' }] });
  });

  test.each([
    ['null', 'Invalid input'],
    [`{ name: 'X y', summary: 's', settings: [], open() {} }`, 'name: must be lower case letters and digits'],
    [`{ name: 'x', settings: [], open() {} }`, 'summary'],
    [`{ name: 'x', summary: 's', settings: [] }`, 'open: must be a function'],
    [withSetting({ key: 'a-b' }), 'settings.0.key: must be lower case'],
    [withSetting({ key: 'a', type: 'number' }), 'settings.0.type'],
    [withSetting({ key: 'a', flag: 'timeout' }), 'flags of its driver must begin with --x-'],
    [`{ name: 'engine', summary: 's', settings: [], open() {} }`, '"engine", which belt reserves'],
  ])('the driver %s is refused, and the error names the package', async (text, says) => {
    const error = await load(text).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toContain(says);
    expect(error.message).toMatch(/^belt-driver-x 2\.1\.0 /);
  });

  test('a plugin that is too new or too old is refused with a hint', async () => {
    const of = (api: number) =>
      loadPackage({ name: 'p', version: '1.0.0', folder, declared: { driver: './none.js', api } });
    await expect(of(2)).rejects.toMatchObject({ hint: 'update belt' });
    await expect(of(0)).rejects.toMatchObject({ hint: 'belt plugins install p' });
  });

  test('a plugin that cannot be opened is reported with the name of its driver', async () => {
    const driver = await load(
      `{ name: 'x', summary: 's', settings: [], open() { throw new Error('no library') } }`,
    );
    await expect(driver.open({} as DriverOptions)).rejects.toThrow(new ExternalError('x: no library'));
  });

  test.each([
    [
      '{ list() {}, start() {}, stop() {}, kill() {}, remove() {}, resize: 1, create() {} }',
      'check(), resize(), doctor()',
    ],
    ['undefined', 'check(), create(), list(), start(), stop(), kill(), remove(), resize(), doctor()'],
  ])('a plugin that opens %s is refused with the missing methods', async (opened, lacks) => {
    const driver = await load(`{ name: 'x', summary: 's', settings: [], open: async () => (${opened}) }`);
    await expect(driver.open({} as DriverOptions)).rejects.toThrow(
      new ExternalError(`x: the opened driver lacks ${lacks}`),
    );
  });
});

describe('errors of a third-party driver', () => {
  class Strange {
    #secret = 'seen';
    resizesRunning = true;
    async check(): Promise<never> {
      throw Object.assign(new Error('no such size'), { name: 'UserError', hint: 'sizes: s, m' });
    }
    async list(): Promise<never> {
      throw new TypeError('x is not a function');
    }
    async *start(): AsyncGenerator<{ type: string; name: string }> {
      yield { type: 'done', name: this.#secret };
      throw new AbortError();
    }
    async doctor() {
      const fix = async (): Promise<void> => {
        throw new Error('cannot');
      };
      return [{ name: 'a', ok: false, detail: 'b', fix }];
    }
  }
  const guarded = guardDriver('x', Object.freeze(new Strange()) as unknown as Driver);
  const { signal } = new AbortController();

  test("errors of a third-party driver become belt's errors", async () => {
    const wrong = await guarded.check([], signal).catch((error) => error);
    expect(wrong).toBeInstanceOf(UserError);
    expect([wrong.message, wrong.hint]).toEqual(['x: no such size', 'sizes: s, m']);
    await expect(guarded.list([], signal)).rejects.toThrow(new ExternalError('x: x is not a function'));
    const [check] = await guarded.doctor(signal);
    expect(check).toMatchObject({ name: 'a', ok: false, detail: 'b' });
    await expect(check?.fix?.(signal)).rejects.toThrow(new ExternalError('x: cannot'));
  });

  test('events of a third-party driver pass through, and an interruption stays one', async () => {
    const events: unknown[] = [];
    const follow = async (): Promise<void> => {
      for await (const event of guarded.start([], signal)) events.push(event);
    };
    await expect(follow()).rejects.toThrow(AbortError);
    expect(events).toEqual([{ type: 'done', name: 'seen' }]);
    expect([guarded.resizesRunning, guarded.restart, guarded.images]).toEqual([true, undefined, undefined]);
  });
});

describe('the list of drivers', () => {
  const never = () => Promise.reject(new Error('not to be loaded'));

  test('the list of drivers includes those of plugins, and built-in drivers win', async () => {
    const drivers = driversWith(
      new Map([
        ['box', never],
        ['nspawn', never],
        ['ec2', never],
      ]),
    );
    expect(drivers.names).toEqual([...builtInDrivers.names, 'box']);
    expect((await drivers.load('nspawn')).name).toBe('nspawn');
    await expect(drivers.load('bxo')).rejects.toMatchObject({
      hint: expect.stringContaining('did you mean "box"?'),
    });
  });
});

describe('the plugin folder', () => {
  const at = (variables: Environment['variables'], platform: NodeJS.Platform = 'linux') =>
    openPlugins({ variables, platform, cwd: folder, home: join(folder, 'home'), isRoot: false });

  test.each<[string, Environment['variables'], NodeJS.Platform, string]>([
    ['the home folder', {}, 'linux', 'home/.local/share/belt/plugins'],
    ['a relative $BELT_DATA_DIR', { BELT_DATA_DIR: 'data' }, 'linux', 'data/plugins'],
  ])('the plugin folder is in %s', async (_, variables, platform, expected) => {
    const draft = await at(variables, platform).stage();
    expect(await readdir(join(folder, expected))).toHaveLength(1);
    expect(await at(variables, platform).drivers()).toEqual([]);
    await draft.discard();
    expect(await readdir(join(folder, expected))).toEqual([]);
  });

  test('the plugin folder is in $XDG_DATA_HOME, unless $BELT_DATA_DIR is set', async () => {
    const xdg = join(folder, 'xdg');
    const draft = await at({ XDG_DATA_HOME: xdg }).stage();
    expect(draft.folder).toMatch(`${xdg}/belt/plugins/.new-`);
    const other = await at({ XDG_DATA_HOME: xdg, BELT_DATA_DIR: join(folder, 'own') }).stage();
    expect(other.folder).toMatch(join(folder, 'own/plugins/.new-'));
  });

  test('an install removes what a killed install left, but not a running one', async () => {
    const plugins = at({ BELT_DATA_DIR: 'swept' });
    const [left, busy] = [await plugins.stage(), await plugins.stage()];
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    await utimes(left.folder, longAgo, longAgo);
    const draft = await plugins.stage();
    const there = await readdir(join(folder, 'swept/plugins'));
    expect(there.toSorted()).toEqual([busy, draft].map((one) => basename(one.folder)).toSorted());
  });

  test('an install replaces the existing plugin, which stays if the install fails', async () => {
    const plugins = at({ BELT_DATA_DIR: 'replaced' });
    const stagePlugin = async (version: string): Promise<StagedPlugin> => {
      const draft = await plugins.stage();
      const own = join(draft.folder, 'node_modules/p');
      await mkdir(own, { recursive: true });
      await writeFile(join(draft.folder, 'package.json'), '{"dependencies":{"p":"x"}}');
      await writeFile(join(own, 'package.json'), JSON.stringify({ name: 'p', version }));
      return draft;
    };
    await (await stagePlugin('1.0.0')).activate('p');
    await (await stagePlugin('2.0.0')).activate('p');
    expect((await plugins.read('p')).version).toBe('2.0.0');

    const discarded = await stagePlugin('3.0.0');
    await discarded.discard();
    await expect(discarded.activate('p')).rejects.toThrow(UserError);
    expect((await plugins.read('p')).version).toBe('2.0.0');
    expect(await readdir(join(folder, 'replaced/plugins'))).toEqual(['p']);
  });

  test('a folder that is not a plugin is reported', async () => {
    const plugins = at({ BELT_DATA_DIR: 'odd' });
    await (await plugins.stage()).activate('odd');
    expect(await plugins.drivers()).toEqual(['odd']);
    await expect(plugins.read('odd')).rejects.toThrow(
      /^the plugin with the driver odd is not an npm package: /,
    );
  });
});

describe('packages to install', () => {
  test.each(['./x', '../x', '.', '..', '/x', 'file:x', 'x.tgz', 'x/y-1.0.0.tar.gz', 'C:\\x', '.\\x', '~/x'])(
    '%s is a local package',
    (spec) => expect(isLocal(spec)).toBe(true),
  );

  test.each(['x', 'x@1.0.0', '@scope/x', '@scope/x@next', 'https://a.b/x.tgz', 'git+ssh://a/b', 'user/repo'])(
    '%s is not a local package',
    (spec) => expect(isLocal(spec)).toBe(false),
  );

  test('property: a package name is never mistaken for a path', () => {
    const name = fc.stringMatching(/^(@[a-z0-9-]+\/)?[a-z0-9][a-z0-9_-]*(@\^?[0-9]+\.[0-9]+\.[0-9]+)?$/);
    fc.assert(fc.property(name, (spec) => !isLocal(spec)));
  });
});
