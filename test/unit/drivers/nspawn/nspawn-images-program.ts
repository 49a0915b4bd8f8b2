import { existsSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { templatesIn } from '../../../../src/base/templates.js';
import { layoutOf } from '../../../../src/drivers/nspawn/layout.js';
import { openImages } from '../../../../src/drivers/nspawn/nspawn-images.js';

/**
 * Builds an image as belt does, with a quick step in place of debootstrap. Arguments: data folder,
 * templates folder, a file that ends the step.
 */

const [data = '', templates = '', go = ''] = process.argv.slice(2);

const images = openImages(layoutOf(data), templatesIn(templates), async (target, { name }, progress) => {
  await writeFile(join(target, 'half-made'), name);
  await appendFile(join(data, 'builds'), 'build\n');
  progress('building');
  while (!existsSync(go)) await delay(10);
  await writeFile(join(target, 'whole'), name);
});

const image = await images.build(
  'debian-13',
  { rebuild: false },
  (step) => print({ step }),
  new AbortController().signal,
);
print({ built: image.name });

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
