/** `1.2s`, `59.9s`, `1m04s`, `2h07m`. */
export function formatElapsed(milliseconds: number): string {
  const tenths = Math.floor(milliseconds / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}s`;
  const seconds = Math.floor(tenths / 10);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${twoDigits(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`;
}

function twoDigits(amount: number): string {
  return String(amount).padStart(2, '0');
}
