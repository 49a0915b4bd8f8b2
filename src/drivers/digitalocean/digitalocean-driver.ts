import { explanationOf, isAbort } from '../../base/errors.js';
import type { Check, Driver, DriverOptions } from '../driver.js';
import { type Clock, realClock } from '../kit/rate-limit.js';
import { configuredRegion, machineSizes, providerRegions } from './catalogue.js';
import { check, create, plan, prepare } from './create-droplets.js';
import { type DigitalOceanApi, openApi } from './digitalocean-api.js';
import { tokenPage } from './digitalocean-error.js';
import { readSettings, requireToken } from './digitalocean-settings.js';
import { type Catalogue, type DropletContext, readCatalogue } from './droplet-context.js';
import { kill, remove, resize, restart, start, stop } from './droplet-lifecycle.js';
import { openImageStore, snapshot } from './droplet-snapshots.js';
import { discover, list } from './list-droplets.js';
import { connect, type SendRequest } from './rate-limited-client.js';

/** Connects on first use, so that `doctor` can report a missing token. */
export function openDigitalOcean(options: DriverOptions, clock: Clock = realClock): Driver {
  const settings = readSettings(options.settings, options.user);
  let send: SendRequest | undefined;
  const api = (signal: AbortSignal): DigitalOceanApi => {
    send ??= connect({ token: requireToken(settings), url: settings.apiUrl }, clock);
    return openApi(send, signal);
  };
  let read: Promise<Catalogue> | undefined;
  const catalogue = (signal: AbortSignal): Promise<Catalogue> => {
    read ??= readCatalogue(api(signal), settings);
    return read;
  };
  const context: DropletContext = { api, catalogue, settings, options, clock };

  return {
    isSize: async (word, signal) => (await catalogue(signal)).sizes.some(({ slug }) => slug === word),
    sizes: async (signal) => machineSizes(await api(signal).sizes()),
    regions: async (signal) => providerRegions(await api(signal).regions()),
    check: (specs, signal) => check(context, specs, signal),
    plan: (specs, signal) => plan(context, specs, signal),
    prepare: (requests, progress, signal) => prepare(context, requests, progress, signal),
    create: (requests, signal) => create(context, requests, signal),
    list: (known, signal) => list(context, known, signal),
    createdWith: configuredRegion,
    discover: (signal) => discover(context, signal),
    start: (machines, signal) => start(context, machines, signal),
    stop: (machines, signal) => stop(context, machines, signal),
    restart: (machines, signal) => restart(context, machines, signal),
    kill: (machines, signal) => kill(context, machines, signal),
    remove: (machines, signal) => remove(context, machines, signal),
    resize: (machines, size, signal) => resize(context, machines, size, signal),
    snapshot: (requests, signal) => snapshot(context, requests, signal),
    images: openImageStore(context),
    doctor: (signal) => checkToken(context, signal),
  };
}

async function checkToken({ api, settings }: DropletContext, signal: AbortSignal): Promise<Check[]> {
  const name = 'access token';
  if (!settings.token) {
    const detail = `not set; create one at ${tokenPage} and set DIGITALOCEAN_ACCESS_TOKEN`;
    return [{ name, ok: false, detail }];
  }
  try {
    const { email, status, droplet_limit: limit } = await api(signal).account();
    const detail = `of ${email}, account ${status}, at most ${limit} droplets`;
    return [{ name, ok: status !== 'locked', detail }];
  } catch (error) {
    if (isAbort(error)) throw error;
    return [{ name, ok: false, detail: explanationOf(error) }];
  }
}
