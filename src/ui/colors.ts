/** The identity without color. @see ECMA-48, "Select Graphic Rendition" */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

const esc = '\x1b';
/** Matches what paint adds. */
export const paintSequence = new RegExp(`(${esc}\\[(?:1|2|22|31|32|33|36|39)m)`);

export function createPaint(color: boolean): Paint {
  const style = (on: number, off: number) => (text: string) =>
    color && text !== '' ? `${esc}[${on}m${text}${esc}[${off}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    cyan: style(36, 39),
  };
}
