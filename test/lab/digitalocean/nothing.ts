import type { Backend } from './account.js';

/**
 * Droplets without guests: they need a moment to start and stop, and nothing listens on their
 * addresses.
 */
export function backendWithoutGuests({ deaf = [] }: { deaf?: readonly string[] } = {}): Backend {
  const names = new Map<number, string>();
  const moment = (ms = 20) => new Promise<void>((passed) => setTimeout(passed, ms));
  return {
    async boot({ id, name }) {
      names.set(id, name);
      await moment(50);
      return `203.0.113.${names.size + 1}`;
    },
    powerOn: () => moment(),
    powerOff: () => moment(),
    async shutdown(id) {
      await moment();
      return !deaf.includes(names.get(id) ?? '');
    },
    resize: () => moment(),
    snapshot: () => moment(),
    destroy: () => moment(),
  };
}
