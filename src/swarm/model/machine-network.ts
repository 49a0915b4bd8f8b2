export interface MachineNetwork {
  /** On the machine's interfaces. */
  addresses: string[];
  routes: Route[];
}

export interface Route {
  /** `10.0.0.0/24`. */
  network: string;
  device: string;
}

/** Its output is for `parseNetwork`; empty without `ip` (ip-address(8), ip-route(8)). */
export const networkCommand = 'ip -o addr show 2>/dev/null; ip -4 route show 2>/dev/null; true';

export function parseNetwork(text: string): MachineNetwork {
  const lines = text.split('\n');
  return {
    addresses: lines.flatMap((line) => /^\d+: \S+\s+inet6? ([^/\s]+)/.exec(line)?.[1] ?? []),
    routes: lines.flatMap((line) => {
      const [, network, device] = /^(\d+\.\d+\.\d+\.\d+(?:\/\d+)?) .*?\bdev (\S+)/.exec(line) ?? [];
      return network && device ? [{ network, device }] : [];
    }),
  };
}

/** The first route that overlaps the address pool; IPv4 only. */
export function findOverlap(pool: string, routes: readonly Route[]): Route | undefined {
  const range = parseIpv4Range(pool);
  if (!range) return undefined;
  return routes.find(({ network }) => {
    const other = parseIpv4Range(network);
    return other && range.first <= other.last && other.first <= range.last;
  });
}

/** First and last address, as numbers; undefined: not an IPv4 network. */
export function parseIpv4Range(network: string): { first: number; last: number } | undefined {
  const [, a, b, c, d, length = '32'] =
    /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(network) ?? [];
  const bytes = [a, b, c, d].map(Number);
  if (a === undefined || bytes.some((byte) => byte > 255) || Number(length) > 32) return undefined;
  const address = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - Number(length));
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}
