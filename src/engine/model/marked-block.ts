const begin = '# belt: begin (written by belt; what stands outside of these two lines is kept)';
const end = '# belt: end';

/** A shell file with belt's lines at its end, in place of those that were there. */
export function withMarkedBlock(text: string, lines: readonly string[]): string {
  const before = withoutMarkedBlock(text);
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  return `${before}${gap}${[begin, ...lines, end].join('\n')}\n`;
}

export function withoutMarkedBlock(text: string): string {
  const [from, to] = placeOfBlock(text);
  return text.slice(0, from) + text.slice(to);
}

/** Empty where there is none. */
export function markedBlock(text: string): string {
  return text.slice(...placeOfBlock(text));
}

function placeOfBlock(text: string): [from: number, to: number] {
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  return from === -1 || to === -1 ? [text.length, text.length] : [from, to + end.length + 1];
}
