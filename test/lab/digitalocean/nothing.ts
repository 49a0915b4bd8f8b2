import type { Backend } from './account.js';

/** Nothing behind droplets: they take a moment to come up and to go down, and have addresses at which nobody is. */
export function nothingBehind({ deaf = [] }: { deaf?: readonly string[] } = {}): Backend {
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
