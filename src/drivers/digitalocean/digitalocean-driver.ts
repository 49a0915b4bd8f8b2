import type { Driver, DriverOptions } from '../driver.js';
import { type Clock, realClock } from './clock.js';
import { check, create, prepare } from './create-droplets.js';
import { type Api, apiOf } from './digitalocean-api.js';
import { readSettings, requireToken } from './digitalocean-settings.js';
import { type Catalogue, type Cloud, readCatalogue } from './droplet-context.js';
import { kill, remove, resize, restart, start, stop } from './droplet-lifecycle.js';
import { imagesIn, snapshot } from './droplet-snapshots.js';
import { discover, list } from './list-droplets.js';
import { type Ask, connect } from './rate-limited-client.js';
import { setRegionOf } from './regions.js';
import { diagnose } from './token-check.js';

/** Connects when it is first asked for something, so that `doctor` can tell of a missing token. */
export function openDigitalOcean(options: DriverOptions, clock: Clock = realClock): Driver {
  const settings = readSettings(options.settings, options.person);
  let ask: Ask | undefined;
  const api = (signal: AbortSignal): Api => {
    ask ??= connect({ token: requireToken(settings), url: settings.apiUrl }, clock);
    return apiOf(ask, signal);
  };
  let read: Promise<Catalogue> | undefined;
  const catalogue = (signal: AbortSignal): Promise<Catalogue> => {
    read ??= readCatalogue(api(signal), settings);
    return read;
  };
  const cloud: Cloud = { api, catalogue, settings, options, clock };

  return {
    check: (wishes, signal) => check(cloud, wishes, signal),
    prepare: (requests, progress, signal) => prepare(cloud, requests, progress, signal),
    create: (requests, signal) => create(cloud, requests, signal),
    list: (known, signal) => list(cloud, known, signal),
    madeWith: setRegionOf,
    discover: (signal) => discover(cloud, signal),
    start: (machines, signal) => start(cloud, machines, signal),
    stop: (machines, signal) => stop(cloud, machines, signal),
    restart: (machines, signal) => restart(cloud, machines, signal),
    kill: (machines, signal) => kill(cloud, machines, signal),
    remove: (machines, signal) => remove(cloud, machines, signal),
    resize: (machines, size, signal) => resize(cloud, machines, size, signal),
    snapshot: (wishes, signal) => snapshot(cloud, wishes, signal),
    images: imagesIn(cloud),
    doctor: (signal) => diagnose(cloud, signal),
  };
}
