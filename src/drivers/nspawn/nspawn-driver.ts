import type { Driver, DriverOptions } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';
import { memorySizes } from '../kit/memory-size.js';
import { check, create } from './create-guests.js';
import { type BuildStep, debootstrapFrom } from './debootstrap.js';
import { kill, remove, resize, restart, start, stop } from './guest-lifecycle.js';
import { defaultSize, memoryOf } from './guest-records.js';
import { checkHost, requireCapableHost, requireRoot } from './host-checks.js';
import { layoutOf } from './layout.js';
import type { NspawnContext } from './lookup.js';
import { list } from './lookup.js';
import { openImages } from './nspawn-images.js';
import { nspawnSettings } from './nspawn-settings.js';
import { requireImage } from './recipes.js';

export async function openNspawn(options: DriverOptions, buildStep?: BuildStep): Promise<Driver> {
  const settings = nspawnSettings.read(options.settings);
  const layout = layoutOf(settings.data);
  const images = openImages(layout, options.templates, buildStep ?? debootstrapFrom(settings.mirror));
  const nspawn: NspawnContext = { layout, settings, options, images };

  return {
    sizes: async () => memorySizes(),
    check: (specs) => check(nspawn, specs),
    plan: async (specs) =>
      specs.map(({ name, size = defaultSize }) => ({
        name,
        size,
        memory: memoryOf(size),
        image: settings.image,
      })),
    async prepare(_requests, progress, signal) {
      await images.build(settings.image, { rebuild: false }, progress, signal);
    },
    create: (requests, signal) => create(nspawn, requests, signal),
    list: (known) => list(nspawn, known),
    createdWith: (machine) => recordedSetting(machine, 'image'),
    start: (machines, signal) => start(nspawn, machines, signal),
    stop: (machines, signal) => stop(nspawn, machines, signal),
    restart: (machines, signal) => restart(nspawn, machines, signal),
    kill: (machines, signal) => kill(nspawn, machines, signal),
    remove: (machines, signal) => remove(nspawn, machines, signal),
    resizesRunning: true,
    resize: (machines, size, signal) => resize(nspawn, machines, size, signal),
    doctor: (signal) => checkHost(layout, signal),
    images: {
      available: images.available,
      list: images.list,
      async build(name, buildOptions, progress, signal) {
        requireImage(name);
        await requireCapableHost();
        return images.build(name, buildOptions, progress, signal);
      },
      async remove(name, signal) {
        requireRoot();
        await images.remove(name, signal);
      },
    },
  };
}
