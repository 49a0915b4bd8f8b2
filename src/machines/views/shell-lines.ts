/** Lines for `eval` as in docker-machine's `env`, but with all values quoted. */

/** Undefined values unset the variable. */
export type ShellVariable = readonly [name: string, value: string | undefined];

interface Shell {
  set: (name: string, value: string) => string;
  unset: (name: string) => string;
  comment: string;
  /** How a user evaluates the command's output in this shell. */
  evaluate: (command: string) => string;
}

const posix: Shell = {
  set: (name, value) => `export ${name}="${escapeCharacters(value, /[\\"$`]/g)}"`,
  unset: (name) => `unset ${name}`,
  comment: '#',
  evaluate: (command) => `eval $(${command})`,
};

/** Other names are treated as a POSIX shell, as in docker-machine. */
const shells: Readonly<Record<string, Shell>> = {
  fish: {
    set: (name, value) => `set -gx ${name} "${escapeCharacters(value, /[\\"$]/g)}";`,
    unset: (name) => `set -e ${name};`,
    comment: '#',
    evaluate: (command) => `eval (${command})`,
  },
  powershell: {
    // Typographic quotes also end a string in PowerShell.
    set: (name, value) => `$Env:${name} = "${value.replaceAll(/[`"$\u201c\u201d\u201e]/g, '`$&')}"`,
    unset: (name) => `Remove-Item Env:\\${name}`,
    comment: '#',
    evaluate: (command) => `& ${command} | Invoke-Expression`,
  },
  cmd: {
    // FOR does not parse the value of %i again: nothing needs an escape.
    set: (name, value) => `SET ${name}=${value}`,
    unset: (name) => `SET ${name}=`,
    comment: 'REM',
    evaluate: (command) => `\t@FOR /f "tokens=*" %i IN ('${command}') DO @%i`,
  },
  tcsh: {
    // tcsh has no escapes between double quotes: these characters go between single quotes.
    set: (name, value) =>
      `setenv ${name} "${value.replaceAll(/[$`"!]+/g, (run) => `"'${run.replaceAll('!', '\\!')}'"`)}";`,
    unset: (name) => `unsetenv ${name};`,
    comment: ':',
    evaluate: (command) => `eval \`${command}\``,
  },
  emacs: {
    set: (name, value) => `(setenv "${name}" "${escapeCharacters(value, /[\\"]/g)}")`,
    unset: (name) => `(setenv "${name}" nil)`,
    comment: ';;',
    evaluate: (command) =>
      `(with-temp-buffer (shell-command "${escapeCharacters(command, /[\\"]/g)}" (current-buffer)) (eval-buffer))`,
  },
};

/** docker-machine ends the first comment line with a blank. @param command prints these lines */
export function shellLines(shell: string, variables: readonly ShellVariable[], command: string): string {
  const known = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  const { set, unset, comment, evaluate } = known ?? posix;
  const lines = variables.map(([name, value]) => (value === undefined ? unset(name) : set(name, value)));
  return [
    ...(known || !isMixed(variables) ? lines : lines.map((line) => `${line};`)),
    `${comment} Run this command to configure your shell: `,
    `${comment} ${evaluate(command)}`,
  ].join('\n');
}

/**
 * `eval $(…)` joins the lines: several `export`s still work, but not with an `unset` among them.
 */
function isMixed(variables: readonly ShellVariable[]): boolean {
  return new Set(variables.map(([, value]) => value === undefined)).size > 1;
}

function escapeCharacters(text: string, special: RegExp): string {
  return text.replaceAll(special, '\\$&');
}
