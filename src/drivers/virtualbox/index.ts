import type { DriverModule } from '../driver.js';
import { declaredSettings, readSettings } from './virtualbox-settings.js';

/** Virtual machines of VirtualBox on this computer. Keys, flags and variables are docker-machine's wherever it has one. */
export const driver: DriverModule = {
  name: 'virtualbox',
  summary: 'virtual machines of VirtualBox on this computer',
  settings: declaredSettings.list,
  async checkSettings(values) {
    readSettings(values);
  },
  async open(options) {
    const { openVirtualBox } = await import('./virtualbox-driver.js');
    return openVirtualBox(options);
  },
};
