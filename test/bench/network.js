import { run } from './programs.js';

/**
 * Finds a network that only the default route covers.
 * @returns {Promise<string>} its first 24 bits: `10.240.0`
 */
export async function freeNetwork() {
  const { stdout } = await run(['ip', '-4', '-j', 'route', 'show', 'table', 'all']);
  /** @type {{ dst: string }[]} */
  const routes = JSON.parse(stdout || '[]');
  const used = routes.filter(({ dst }) => dst !== 'default').map(({ dst }) => blockOf(dst));
  for (let third = 0; third < 256; third++) {
    const wanted = blockOf(`10.240.${third}.0/24`);
    if (used.every(({ first, last }) => last < wanted.first || first > wanted.last)) return `10.240.${third}`;
  }
  throw new Error('no part of 10.240.0.0/16 is free on this computer');
}

/** @param {string} text `10.209.0.0/20` or an address */
function blockOf(text) {
  const [address = '', prefix = '32'] = text.split('/');
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(prefix));
  const first = Math.floor(number / size) * size;
  return { first, last: first + size - 1 };
}
