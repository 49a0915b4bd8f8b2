/**
 * Lines for `eval`, as docker-machine's `env` prints them for each shell, but with values that no shell takes for more than text.
 */

/** A variable to set, or with no value to unset. */
export type ShellVariable = readonly [name: string, value: string | undefined];

interface Shell {
  set: (name: string, value: string) => string;
  unset: (name: string) => string;
  comment: string;
  /** How a person has this very command line evaluated. */
  evaluate: (command: string) => string;
}

const posix: Shell = {
  set: (name, value) => `export ${name}="${backslashed(value, /[\\"$`]/g)}"`,
  unset: (name) => `unset ${name}`,
  comment: '#',
  evaluate: (command) => `eval $(${command})`,
};

/** Any other name is taken for a shell like sh, as docker-machine does. */
const shells: Readonly<Record<string, Shell>> = {
  fish: {
    set: (name, value) => `set -gx ${name} "${backslashed(value, /[\\"$]/g)}";`,
    unset: (name) => `set -e ${name};`,
    comment: '#',
    evaluate: (command) => `eval (${command})`,
  },
  powershell: {
    // The typographic quotes end a string there too.
    set: (name, value) => `$Env:${name} = "${value.replaceAll(/[`"$\u201c\u201d\u201e]/g, '`$&')}"`,
    unset: (name) => `Remove-Item Env:\\${name}`,
    comment: '#',
    evaluate: (command) => `& ${command} | Invoke-Expression`,
  },
  cmd: {
    // What FOR puts in for %i is not parsed again: nothing needs an escape.
    set: (name, value) => `SET ${name}=${value}`,
    unset: (name) => `SET ${name}=`,
    comment: 'REM',
    evaluate: (command) => `\t@FOR /f "tokens=*" %i IN ('${command}') DO @%i`,
  },
  tcsh: {
    // Between double quotes nothing can be escaped there: these characters go between single ones.
    set: (name, value) =>
      `setenv ${name} "${value.replaceAll(/[$`"!]+/g, (run) => `"'${run.replaceAll('!', '\\!')}'"`)}";`,
    unset: (name) => `unsetenv ${name};`,
    comment: ':',
    evaluate: (command) => `eval \`${command}\``,
  },
  emacs: {
    set: (name, value) => `(setenv "${name}" "${backslashed(value, /[\\"]/g)}")`,
    unset: (name) => `(setenv "${name}" nil)`,
    comment: ';;',
    evaluate: (command) =>
      `(with-temp-buffer (shell-command "${backslashed(command, /[\\"]/g)}" (current-buffer)) (eval-buffer))`,
  },
};

/**
 * The lines for a shell, with two comment lines that say how to use them (docker-machine ends the first with a blank).
 * @param command the command line that prints all this
 * @returns lines without a newline after the last
 */
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

/** `eval $(…)` makes one line of all: several `export` then are one with several names, but an `unset` among them is not. */
function isMixed(variables: readonly ShellVariable[]): boolean {
  return new Set(variables.map(([, value]) => value === undefined)).size > 1;
}

function backslashed(text: string, special: RegExp): string {
  return text.replaceAll(special, '\\$&');
}
