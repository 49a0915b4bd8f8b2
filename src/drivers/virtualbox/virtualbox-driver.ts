import type { Driver, DriverOptions } from '../driver.js';
import type { Prepared } from './build-vm.js';
import { check, create, prepare } from './create-vms.js';
import { vendorImageOf } from './image-sources.js';
import { list } from './list-vms.js';
import { diagnose } from './virtualbox-checks.js';
import { virtualBox } from './virtualbox-context.js';
import { openImages } from './virtualbox-images.js';
import { readSettings } from './virtualbox-settings.js';
import { kill, remove, resize, restart, start, stop } from './vm-lifecycle.js';

export function openVirtualBox(options: DriverOptions): Driver {
  const box = virtualBox(readSettings(options.settings), options);
  const images = openImages(box);
  let prepared: Prepared | undefined;
  return {
    check: (wishes) => check(box, wishes),
    async prepare(_, progress, signal) {
      prepared = await prepare(box, images, progress, signal);
    },
    create: (requests, signal) =>
      create(box, requests, async () => prepared ?? prepare(box, images, () => {}, signal), signal),
    list: (known) => list(box, known),
    madeWith: vendorImageOf,
    start: (machines, signal) => start(box, machines, signal),
    stop: (machines, signal) => stop(box, machines, signal),
    restart: (machines, signal) => restart(box, machines, signal),
    kill: (machines, signal) => kill(box, machines, signal),
    remove: (machines, signal) => remove(box, machines, signal),
    resize: (machines, size, signal) => resize(box, machines, size, signal),
    doctor: () => diagnose(box),
    images,
  };
}
