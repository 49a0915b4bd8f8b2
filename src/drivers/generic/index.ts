import type { DriverModule } from '../driver.js';
import { genericSettings } from './generic-settings.js';

/** Existing servers, adopted over SSH. Settings and messages are docker-machine's. */
export const driver: DriverModule = {
  name: 'generic',
  summary: 'existing servers, over SSH',
  settings: genericSettings.list,
  async checkSettings(values) {
    genericSettings.read(values);
  },
  async open(options) {
    const { openGeneric } = await import('./generic-driver.js');
    return openGeneric(options);
  },
};
