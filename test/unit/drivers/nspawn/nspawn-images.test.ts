import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { templatesIn } from '../../../../src/base/templates.js';
import type { BuildStep } from '../../../../src/drivers/nspawn/debootstrap.js';
import { type GuestRecord, writeRecord } from '../../../../src/drivers/nspawn/guest-records.js';
import { layoutOf, machineFolder, type NspawnLayout } from '../../../../src/drivers/nspawn/layout.js';
import { type NspawnImages, openImages } from '../../../../src/drivers/nspawn/nspawn-images.js';

/** The image store with real files, locks and processes; a quick step replaces debootstrap. */

const { signal } = new AbortController();
const children: ChildProcess[] = [];
let program = '';
let data = '';
let layout: NspawnLayout;
let images: NspawnImages;
let builds = 0;

const quick: BuildStep = async (target, { name }) => {
  builds++;
  await writeFile(join(target, 'whole'), name);
};

describe.skipIf(process.platform !== 'linux')('images', () => {
  beforeAll(async () => {
    program = await mkdtemp(join(tmpdir(), 'belt-images-program-'));
    await build({
      entryPoints: [fileURLToPath(new URL('./nspawn-images-program.ts', import.meta.url))],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: join(program, 'program.mjs'),
      define: { __filename: 'import.meta.filename' },
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
    });
  });

  afterAll(() => rm(program, { recursive: true }));

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'belt-images-'));
    await chmod(data, 0o755);
    layout = layoutOf(data);
    images = storeWith(quick);
    builds = 0;
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(data, { recursive: true });
  });

  test('images are built once, and rebuilt only on request', async () => {
    const first = await images.build('debian-13', { rebuild: false }, () => {}, signal);
    expect(first).toEqual({
      name: 'debian-13',
      size: expect.any(Number),
      builtAt: expect.any(String),
      machines: 0,
    });
    expect(first.size).toBeGreaterThan(0);
    expect(await images.build('debian-13', { rebuild: false }, () => {}, signal)).toEqual(first);
    expect(builds).toBe(1);
    const second = await images.build('debian-13', { rebuild: true }, () => {}, signal);
    expect(builds).toBe(2);
    expect(second.builtAt).not.toBe(first.builtAt);
    expect(await images.list(signal)).toEqual([second]);
    expect((await images.base('debian-13')).folder).toMatch(/^[0-9a-f]{8}-2$/);
    expect(await builtFolders()).toEqual([(await images.base('debian-13')).folder]);
  });

  test('a build is kept while machines use it', async () => {
    await images.build('debian-13', { rebuild: false }, () => {}, signal);
    const old = await images.base('debian-13');
    await standOn(old.folder);
    await images.build('debian-13', { rebuild: true }, () => {}, signal);
    const current = await images.base('debian-13');
    expect(await builtFolders()).toEqual([old.folder, current.folder].sort());
    expect(await readFile(join(old.path, 'whole'), 'utf8')).toBe('debian-13');
    await expect(images.remove('debian-13', signal)).rejects.toThrow(
      'the image debian-13 is in use by node1 (default)',
    );
    await rm(machineFolder(layout, 'node1-000000').folder, { recursive: true });
    await images.prune();
    expect(await builtFolders()).toEqual([current.folder]);
    await images.remove('debian-13', signal);
    expect(await images.list(signal)).toEqual([]);
    await expect(images.remove('debian-13', signal)).rejects.toThrow(
      'the image debian-13 is not on this computer',
    );
  });

  test('no build is removed while a damaged record may belong to its machine', async () => {
    await images.build('debian-13', { rebuild: false }, () => {}, signal);
    const old = await images.base('debian-13');
    await standOn(old.folder);
    await writeFile(machineFolder(layout, 'node1-000000').record, '{');
    await images.build('debian-13', { rebuild: true }, () => {}, signal);
    expect(await builtFolders()).toContain(old.folder);
    await expect(images.remove('debian-13', signal)).rejects.toThrow(/machine\.json is damaged/);
  });

  test('a changed recipe builds a new image', async () => {
    await images.build('debian-13', { rebuild: false }, () => {}, signal);
    const path = join(layout.images, 'debian-13', 'image.json');
    const image = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...image, recipe: 'older' }));
    await images.build('debian-13', { rebuild: false }, () => {}, signal);
    expect(builds).toBe(2);
  });

  test('a failed build is reported and leaves nothing', async () => {
    const failing = storeWith(async (target) => {
      await writeFile(join(target, 'half-made'), '');
      throw new Error('no mirror');
    });
    await expect(failing.build('debian-13', { rebuild: false }, () => {}, signal)).rejects.toThrow(
      'no mirror',
    );
    expect(await readdir(layout.images)).toEqual([]);
    await expect(failing.base('debian-13')).rejects.toMatchObject({ hint: 'belt image build debian-13' });
  });

  test('a damaged image.json is reported and not overwritten', async () => {
    await mkdir(join(layout.images, 'debian-13'), { recursive: true });
    const path = join(layout.images, 'debian-13', 'image.json');
    await writeFile(path, '{"version":1}');
    await expect(images.build('debian-13', { rebuild: false }, () => {}, signal)).rejects.toThrow(
      `state file ${path} is damaged: it is not the record of an image`,
    );
    expect(await readFile(path, 'utf8')).toBe('{"version":1}');
  });

  test('an unknown image is refused with a suggestion', async () => {
    await expect(images.build('debian-31', { rebuild: false }, () => {}, signal)).rejects.toMatchObject({
      message: 'unknown image "debian-31"',
      hint: 'did you mean "debian-13"?',
    });
  });

  test('the second of two concurrent builds waits, reports for whom, and uses the result', async () => {
    const first = start();
    expect(await first.next()).toEqual({ step: 'building' });
    const second = start();
    expect(await second.next()).toEqual({
      step: `waiting for process ${first.child.pid}, which builds the image debian-13`,
    });
    await writeFile(join(data, 'go'), '');
    expect(await first.last()).toEqual({ built: 'debian-13' });
    expect(await second.last()).toEqual({ built: 'debian-13' });
    expect(await readFile(join(data, 'builds'), 'utf8')).toBe('build\n');
  });

  test('a build that was killed is discarded and repeated', async () => {
    const first = start();
    expect(await first.next()).toEqual({ step: 'building' });
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    expect(await readdir(join(layout.images, '.building-debian-13'))).toEqual(['half-made']);
    await images.build('debian-13', { rebuild: false }, () => {}, signal);
    expect(await readdir(layout.images)).toEqual(['debian-13']);
    expect(await readdir((await images.base('debian-13')).path)).toEqual(['whole']);
  });

  test('an abort ends waiting for another build', async () => {
    const first = start();
    expect(await first.next()).toEqual({ step: 'building' });
    const abort = new AbortController();
    const waiting = images.build('debian-13', { rebuild: false }, () => abort.abort(), abort.signal);
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(builds).toBe(0);
  });
});

function storeWith(step: BuildStep): NspawnImages {
  return openImages(layout, templatesIn('templates'), step);
}

async function builtFolders(): Promise<string[]> {
  const names = await readdir(join(layout.images, 'debian-13'));
  return names.filter((name) => name !== 'image.json').sort();
}

async function standOn(folder: string): Promise<void> {
  const record: GuestRecord = {
    version: 1,
    id: 'node1-000000',
    name: 'node1',
    cluster: { id: 'c', name: 'default' },
    image: { name: 'debian-13', folder },
    address: '10.209.0.2',
    size: '1gb',
    memory: 1024,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  await mkdir(machineFolder(layout, record.id).folder, { recursive: true });
  await writeRecord(layout, record);
}

function start() {
  const child = spawn(
    process.execPath,
    [join(program, 'program.mjs'), data, resolve('templates'), join(data, 'go')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  return {
    child,
    next,
    async last(): Promise<unknown> {
      let last: unknown;
      for (let value = await next(); value !== undefined; value = await next()) last = value;
      return last;
    },
  };
}
