/**
 * From `systemctl cat`: the last `ExecStart=` counts and an empty one resets (systemd.unit(5)).
 * @param leaveOut path of the drop-in that belt writes
 * @returns the words with their quotes
 */
export function startCommand(unitText: string, leaveOut: string): string[] | undefined {
  let file = '';
  let section = '';
  let command: string | undefined;
  for (const line of logicalLines(unitText)) {
    const [, path] = /^# (\/\S+)$/.exec(line) ?? [];
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, value] = /^ExecStart\s*=\s*(.*)$/.exec(line) ?? [];
    if (path !== undefined) {
      file = path;
      section = '';
    } else if (name !== undefined) section = name;
    else if (value !== undefined && section === 'Service' && file !== leaveOut) command = value || undefined;
  }
  return command === undefined ? undefined : unitWords(command);
}

/** A trailing backslash continues the line (systemd.syntax(7)). */
function logicalLines(text: string): string[] {
  return text
    .replaceAll(/\\\r?\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim());
}

/** Keeps quotes, so the words can be written back to a unit. */
function unitWords(command: string): string[] {
  return command.match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\S)+/g) ?? [];
}

/** Escapes `%` and quotes for a command line or `Environment=` (systemd.service(5)). */
export function unitWord(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('\n', '\\n');
  return /^[\w@%+:,./=[\]-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** As `unitWord`, for `ExecStart=`, where `$` expands too. */
export function commandWord(text: string): string {
  return unitWord(text).replaceAll('$', '$$$$');
}
