import { overlap, tryParseRange } from '../../base/ip-addresses.js';

export interface MachineNetwork {
  addresses: string[];
  routes: Route[];
}

export interface Route {
  /** Such as `10.0.0.0/24`. */
  network: string;
  device: string;
}

/** For `parseNetwork`. Prints nothing without `ip` (ip-address(8), ip-route(8)). */
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
  const range = tryParseRange(pool);
  if (!range) return undefined;
  return routes.find(({ network }) => {
    const other = tryParseRange(network);
    return other && overlap(range, other);
  });
}
