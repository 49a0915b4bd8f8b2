import type { DriverModule } from '../driver.js';
import { declaredSettings } from './digitalocean-settings.js';

/** Settings, variables and defaults are docker-machine's; belt's own come last. */
export const driver: DriverModule = {
  name: 'digitalocean',
  summary: 'DigitalOcean droplets (requires an access token)',
  settings: declaredSettings.list,
  async open(options) {
    const { openDigitalOcean } = await import('./digitalocean-driver.js');
    return openDigitalOcean(options);
  },
};
