import { driver } from '../../../src/drivers/digitalocean/index.js';
import type { SettingValues } from '../../../src/drivers/driver.js';

/** The driver's settings where nobody has set any, as it gets them merged. */
export const defaultSettings: SettingValues = Object.fromEntries(
  driver.settings.map(({ key, default: value }) => [key, value]),
);
