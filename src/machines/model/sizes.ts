/**
 * Sizes as amounts of memory. 1 GB is 1024 MB here, as with `docker run --memory` and the providers' slugs (`512mb`, `2gb`).
 */

const megabytesOf: Readonly<Record<string, number>> = { mb: 1, gb: 1024, tb: 1024 * 1024 };

/**
 * Reads `512mb`, `8192MB`, `2gb` or `1.5gb`. Anything else (a provider's slug, a number without a unit, an amount that is
 * no whole number of MB or none at all) is not a memory amount: undefined.
 */
export function parseSize(text: string): { memoryMb: number } | undefined {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,6})?)(mb|gb|tb)$/i.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const memoryMb = Number(amount) * (megabytesOf[unit.toLowerCase()] ?? Number.NaN);
  return Number.isSafeInteger(memoryMb) && memoryMb > 0 ? { memoryMb } : undefined;
}

/** `512mb`, `2gb`; whole units only, so that `parseSize` reads back the same amount. */
export function formatMemory(memoryMb: number): string {
  return memoryMb >= 1024 && memoryMb % 1024 === 0 ? `${memoryMb / 1024}gb` : `${memoryMb}mb`;
}

/** Whether two sizes mean the same: one provider's slug, or one amount of memory however it is written. */
export function sameSize(one: string, other: string): boolean {
  const memory = parseSize(one)?.memoryMb;
  return (
    one.toLowerCase() === other.toLowerCase() ||
    (memory !== undefined && memory === parseSize(other)?.memoryMb)
  );
}
