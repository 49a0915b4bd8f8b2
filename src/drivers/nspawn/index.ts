import type { DriverModule } from '../driver.js';
import { nspawnSettings } from './nspawn-settings.js';

export const driver: DriverModule = {
  name: 'nspawn',
  summary: 'systemd-nspawn guests on this Linux computer (requires root)',
  settings: nspawnSettings.list,
  async checkSettings(values) {
    const { requireImage } = await import('./recipes.js');
    requireImage(nspawnSettings.read(values).image);
  },
  async open(options) {
    const { openNspawn } = await import('./nspawn-driver.js');
    return openNspawn(options);
  },
};
