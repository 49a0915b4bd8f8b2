import { explanationOf, isAbort } from '../../base/errors.js';
import type { Check } from '../driver.js';
import { tokenPage } from './digitalocean-error.js';
import type { DropletContext } from './droplet-context.js';

/** The token is optional: not everyone uses DigitalOcean. */
export async function diagnose({ api, settings }: DropletContext, signal: AbortSignal): Promise<Check[]> {
  const name = 'access token';
  if (!settings.token) {
    const detail = `not set; create one at ${tokenPage} and set DIGITALOCEAN_ACCESS_TOKEN`;
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
