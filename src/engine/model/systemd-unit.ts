/**
 * The command by which systemd starts the engine, from what `systemctl cat docker.service` prints: the packaged unit, then the
 * drop-ins in the order in which systemd reads them (systemd.unit(5)); the last `ExecStart=` counts, an empty one takes back.
 * @param leaveOut path of the drop-in that is not to count: belt's own
 * @returns the words of the command, as they are written; undefined when no file has one
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

/** A backslash at the end of a line goes on in the next (systemd.syntax(7)). */
function logicalLines(text: string): string[] {
  return text
    .replaceAll(/\\\r?\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim());
}

/** Splits at spaces, keeps quotes and what is in them: the words go back into a unit as they came. */
function unitWords(command: string): string[] {
  return command.match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\S)+/g) ?? [];
}

/** One word for a unit's command line or `Environment=`: `%`, `$` and quotes mean something there (systemd.service(5)). */
export function unitWord(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('\n', '\\n');
  return /^[\w@%+:,./=[\]-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** As `unitWord`, for `ExecStart=`, where `$` names a variable too. */
export function commandWord(text: string): string {
  return unitWord(text).replaceAll('$', '$$$$');
}
