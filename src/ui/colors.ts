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

/** Words of any table that mean that something is wrong, or not in use. */
const alarms: Readonly<Record<string, 'red' | 'yellow'>> = {
  error: 'red',
  timeout: 'red',
  missing: 'red',
  down: 'red',
  unreachable: 'red',
  disconnected: 'red',
  unknown: 'yellow',
  locked: 'yellow',
  stopped: 'yellow',
  paused: 'yellow',
  saved: 'yellow',
  starting: 'yellow',
  stopping: 'yellow',
  drain: 'yellow',
  pause: 'yellow',
};

const stateColumns = new Set(['state', 'status', 'availability', 'manager status', 'swarm']);

/** For tables: `state` colors the states that need attention. */
export function statePaint(color: boolean): Paint & { state: (cell: string, column: string) => string } {
  const paint = createPaint(color);
  const state = (cell: string, column: string): string => {
    const alarm = stateColumns.has(column) ? alarms[cell.toLowerCase()] : undefined;
    return alarm === undefined ? cell : paint[alarm](cell);
  };
  return { ...paint, state };
}

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
