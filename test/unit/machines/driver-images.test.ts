import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ExternalError, UserError } from '../../../src/base/errors.js';
import type { Driver, Image, ImageStore } from '../../../src/drivers/driver.js';
import { buildImage, imageStoreOf } from '../../../src/machines/driver-images.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
});

afterEach(() => bed.close());

/** An image store that builds missing images instantly. */
function memoryImages(): ImageStore & { builds: string[] } {
  const images = new Map<string, Image>();
  const builds: string[] = [];
  return {
    builds,
    available: () => ['debian-13', 'debian-12'],
    list: async () => [...images.values()],
    async build(name, { rebuild }, progress) {
      const there = images.get(name);
      if (there && !rebuild) return there;
      progress('unpacking', 0.5);
      builds.push(name);
      const image = { name, size: 1, builtAt: '2026-01-02T03:04:05.000Z', machines: 0 };
      images.set(name, image);
      return image;
    },
    remove: async (name) => void images.delete(name),
  };
}

describe('images', () => {
  test('images are supported by drivers with an image store only', async () => {
    await expect(imageStoreOf('memory', bed.context)).rejects.toThrow(
      new UserError('memory does not store images on this computer'),
    );
    const images = memoryImages();
    (bed.driver as Driver).images = images;
    expect(await imageStoreOf('memory', bed.context)).toBe(images);
  });

  test('images are built by name, or the first one by default', async () => {
    const images = memoryImages();
    expect(await buildImage({ rebuild: false }, images, bed.context)).toMatchObject({ name: 'debian-13' });
    expect(await buildImage({ name: 'debian-12', rebuild: false }, images, bed.context)).toMatchObject({
      name: 'debian-12',
    });
    expect(images.builds).toEqual(['debian-13', 'debian-12']);
    expect(bed.reporter.lines.slice(0, 3)).toEqual([
      'stage debian-13',
      'debian-13: unpacking 50%',
      'debian-13 done',
    ]);
  });

  test('an existing image is rebuilt only on request, and without it shows no progress', async () => {
    const images = memoryImages();
    await buildImage({ rebuild: false }, images, bed.context);
    bed.reporter.lines.length = 0;
    await buildImage({ rebuild: false }, images, bed.context);
    expect([images.builds.length, bed.reporter.lines]).toEqual([1, []]);
    await buildImage({ rebuild: true }, images, bed.context);
    expect(images.builds.length).toBe(2);
  });

  test('an image that cannot be built is shown as failed', async () => {
    const images = memoryImages();
    images.build = async (_name, _options, progress) => {
      progress('fetching');
      throw new ExternalError('mirror unreachable');
    };
    await expect(buildImage({ rebuild: false }, images, bed.context)).rejects.toThrow('mirror unreachable');
    expect(bed.reporter.lines).toEqual([
      'stage debian-13',
      'debian-13: fetching',
      'debian-13 failed: mirror unreachable',
    ]);
  });
});
