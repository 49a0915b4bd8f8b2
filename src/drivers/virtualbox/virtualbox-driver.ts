import type { Driver, DriverOptions } from '../driver.js';
import { check, create, prepare } from './create.js';
import { diagnose } from './doctor.js';
import { openImages } from './images.js';
import { kill, remove, resize, restart, start, stop } from './lifecycle.js';
import { list } from './list.js';
import type { Prepared } from './make.js';
import { readSettings } from './settings.js';
import { vendorImageOf } from './sources.js';
import { virtualBox } from './virtualbox.js';

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
