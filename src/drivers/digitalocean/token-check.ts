import { explanationOf, isAbort } from '../../base/errors.js';
import type { Check } from '../driver.js';
import { tokenPage } from './digitalocean-error.js';
import type { Cloud } from './droplet-context.js';

/** Whether DigitalOcean can be asked. Who does not use it needs no token. */
export async function diagnose({ api, settings }: Cloud, signal: AbortSignal): Promise<Check[]> {
  const name = 'access token';
  if (!settings.token) {
    const detail = `none; for droplets set DIGITALOCEAN_ACCESS_TOKEN to one of ${tokenPage}`;
    return [{ name, ok: false, optional: true, detail }];
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
