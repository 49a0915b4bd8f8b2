import type { Driver, DriverOptions } from '../driver.js';
import { type Clock, realClock } from './clock.js';
import { check, create, prepare } from './create-droplets.js';
import { type Api, apiOf } from './digitalocean-api.js';
import { readSettings, requireToken } from './digitalocean-settings.js';
import { type Catalogue, type DropletContext, readCatalogue } from './droplet-context.js';
import { kill, remove, resize, restart, start, stop } from './droplet-lifecycle.js';
import { imagesIn, snapshot } from './droplet-snapshots.js';
import { discover, list } from './list-droplets.js';
import { connect, type Send } from './rate-limited-client.js';
import { configuredRegion } from './regions.js';
import { diagnose } from './token-check.js';

/** Connects on first use, so that `doctor` can report a missing token. */
export function openDigitalOcean(options: DriverOptions, clock: Clock = realClock): Driver {
  const settings = readSettings(options.settings, options.person);
  let send: Send | undefined;
  const api = (signal: AbortSignal): Api => {
    send ??= connect({ token: requireToken(settings), url: settings.apiUrl }, clock);
    return apiOf(send, signal);
  };
  let read: Promise<Catalogue> | undefined;
  const catalogue = (signal: AbortSignal): Promise<Catalogue> => {
    read ??= readCatalogue(api(signal), settings);
    return read;
  };
  const context: DropletContext = { api, catalogue, settings, options, clock };

  return {
    check: (wishes, signal) => check(context, wishes, signal),
    prepare: (requests, progress, signal) => prepare(context, requests, progress, signal),
    create: (requests, signal) => create(context, requests, signal),
    list: (known, signal) => list(context, known, signal),
    madeWith: configuredRegion,
    discover: (signal) => discover(context, signal),
    start: (machines, signal) => start(context, machines, signal),
    stop: (machines, signal) => stop(context, machines, signal),
    restart: (machines, signal) => restart(context, machines, signal),
    kill: (machines, signal) => kill(context, machines, signal),
    remove: (machines, signal) => remove(context, machines, signal),
    resize: (machines, size, signal) => resize(context, machines, size, signal),
    snapshot: (wishes, signal) => snapshot(context, wishes, signal),
    images: imagesIn(context),
    doctor: (signal) => diagnose(context, signal),
  };
}
