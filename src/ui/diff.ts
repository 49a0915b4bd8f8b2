import { createPaint } from './colors.js';

interface DiffLine {
  sign: '+' | '-';
  line: string;
}

export function diffText(changes: readonly DiffLine[], { color }: { color: boolean }): string {
  const { red, green } = createPaint(color);
  return changes.map(({ sign, line }) => (sign === '+' ? green : red)(`${sign}${line}`)).join('\n');
}
