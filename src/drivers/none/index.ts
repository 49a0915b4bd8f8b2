import type { DriverModule } from '../driver.js';
import { defineSettings, text } from '../kit/define-settings.js';

const settings = defineSettings({
  url: text({ summary: "the engine's URL, as tcp://10.0.0.9:2376", flag: 'url' }),
});

/** An engine known only by its URL: docker-machine's driver of the same name. */
export const driver: DriverModule = {
  name: 'none',
  summary: 'an existing engine, known only by its URL',
  settings: settings.list,
  async open(options) {
    const { openNone } = await import('./none-driver.js');
    return openNone(settings.read(options.settings).url);
  },
};
