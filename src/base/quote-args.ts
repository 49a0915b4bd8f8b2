/**
 * Joins arguments into one line that a POSIX shell splits into exactly these again. No argument may hold a NUL, as none of a
 * program's can. Source: POSIX.1-2024, Shell Command Language, 2.2.2 (single quotes keep every character).
 */
export function quoteArgs(args: readonly string[]): string {
  return args.map(quote).join(' ');
}

/** `=`, `~` and `#` count as special, since they are where a word begins with or holds them. */
function quote(arg: string): string {
  if (/^[\w@%+:,./-]+$/.test(arg)) return arg;
  return `'${arg.replaceAll("'", `'\\''`)}'`;
}

/** One word for a POSIX shell, whatever is in it (POSIX.1-2024, Shell Command Language, 2.2.2). */
export function shellWord(text: string): string {
  return /^(?:[\w@%+:,./-]+|-[\w@%+:,./=-]*)$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
