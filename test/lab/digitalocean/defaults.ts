import { driver } from '../../../src/drivers/digitalocean/index.js';
import type { SettingValues } from '../../../src/drivers/driver.js';

export const defaultSettings: SettingValues = Object.fromEntries(
  driver.settings.map(({ key, default: value }) => [key, value]),
);
