/** @see POSIX.1-2024, Shell Command Language, 2.2.2 (single quotes) */
export function quoteArgs(args: readonly string[]): string {
  return args.map(quote).join(' ');
}

/** `=`, `~` and `#` are special at or near the start of a word, so they are always quoted. */
function quote(arg: string): string {
  if (/^[\w@%+:,./-]+$/.test(arg)) return arg;
  return `'${arg.replaceAll("'", `'\\''`)}'`;
}

export function shellWord(text: string): string {
  return /^(?:[\w@%+:,./-]+|-[\w@%+:,./=-]*)$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
