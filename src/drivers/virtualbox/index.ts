import type { DriverModule } from '../driver.js';
import { declaredSettings, readSettings } from './virtualbox-settings.js';

export const driver: DriverModule = {
  name: 'virtualbox',
  summary: 'VirtualBox VMs on this computer',
  settings: declaredSettings.list,
  async checkSettings(values) {
    readSettings(values);
  },
  async open(options) {
    const { openVirtualBox } = await import('./virtualbox-driver.js');
    return openVirtualBox(options);
  },
};
