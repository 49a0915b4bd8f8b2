import type { Driver, DriverOptions } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';
import { check, create } from './create-guests.js';
import { type BuildStep, debootstrapFrom } from './debootstrap.js';
import { kill, remove, resize, restart, start, stop } from './guest-lifecycle.js';
import { diagnose, refuseIncapable, refuseWithoutRoot } from './host-checks.js';
import { layoutOf } from './layout.js';
import type { Nspawn } from './lookup.js';
import { list } from './lookup.js';
import { openImages } from './nspawn-images.js';
import { nspawnSettings } from './nspawn-settings.js';
import { requireImage } from './recipes.js';

export async function openNspawn(options: DriverOptions, buildStep?: BuildStep): Promise<Driver> {
  const settings = nspawnSettings.read(options.settings);
  const layout = layoutOf(settings.data);
  const images = openImages(layout, options.templates, buildStep ?? debootstrapFrom(settings.mirror));
  const nspawn: Nspawn = { layout, settings, options, images };

  return {
    check: (wishes) => check(nspawn, wishes),
    async prepare(_requests, progress, signal) {
      await images.build(settings.image, { rebuild: false }, progress, signal);
    },
    create: (requests, signal) => create(nspawn, requests, signal),
    list: (known) => list(nspawn, known),
    madeWith: (machine) => recordedSetting(machine, 'image'),
    start: (machines, signal) => start(nspawn, machines, signal),
    stop: (machines, signal) => stop(nspawn, machines, signal),
    restart: (machines, signal) => restart(nspawn, machines, signal),
    kill: (machines, signal) => kill(nspawn, machines, signal),
    remove: (machines, signal) => remove(nspawn, machines, signal),
    resizesRunning: true,
    resize: (machines, size, signal) => resize(nspawn, machines, size, signal),
    doctor: (signal) => diagnose(layout, signal),
    images: {
      available: images.available,
      list: images.list,
      async build(name, buildOptions, progress, signal) {
        requireImage(name);
        await refuseIncapable();
        return images.build(name, buildOptions, progress, signal);
      },
      async remove(name, signal) {
        refuseWithoutRoot();
        await images.remove(name, signal);
      },
    },
  };
}
