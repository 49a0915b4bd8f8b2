/** Memory sizes: 1 GB is 1024 MB, as in `docker run --memory` and provider slugs. */

const megabytesPerUnit: Readonly<Record<string, number>> = { m: 1, g: 1024, t: 1024 * 1024 };

/** Parses `512mb`, `8192MB`, `2g`, `2GiB`, `1.5gb` or `512` (MB); undefined for a provider's slug. */
export function parseSize(text: string): { memoryMb: number } | undefined {
  const [, amount, unit = 'm'] = /^(\d{1,9}(?:\.\d{1,6}(?=[mgt]))?)(?:([mgt])i?b?)?$/i.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const memoryMb = Number(amount) * (megabytesPerUnit[unit.toLowerCase()] ?? Number.NaN);
  return Number.isSafeInteger(memoryMb) && memoryMb > 0 ? { memoryMb } : undefined;
}

/** Whole units only, so that `parseSize` returns the same amount. */
export function formatMemory(memoryMb: number): string {
  return memoryMb >= 1024 && memoryMb % 1024 === 0 ? `${memoryMb / 1024}gb` : `${memoryMb}mb`;
}

/** Whether two sizes are the same slug or the same amount of memory. */
export function sameSize(a: string, b: string): boolean {
  const memory = parseSize(a)?.memoryMb;
  return a.toLowerCase() === b.toLowerCase() || (memory !== undefined && memory === parseSize(b)?.memoryMb);
}

export function formatPrice(dollars: number): string {
  return `$${dollars.toFixed(2)} a month`;
}
