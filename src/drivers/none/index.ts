import type { DriverModule } from '../driver.js';

/** An engine somewhere, known by its URL alone: docker-machine's driver of the same name. */
export const driver: DriverModule = {
  name: 'none',
  summary: 'an engine that is known by its URL alone: nothing is set up, nobody logs in',
  settings: [
    { key: 'url', summary: "the engine's URL, as tcp://10.0.0.9:2376", type: 'string', flag: 'url' },
  ],
  async open(options) {
    const { openNone } = await import('./none-driver.js');
    return openNone(options);
  },
};
