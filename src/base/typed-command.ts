let typed = 'belt ...';

/** The command line as the user typed it, quoted and without secrets. */
export function setTypedCommand(line: string): void {
  typed = line;
}

/** To paste. sudo has another PATH, which may not contain belt or its Node.js. @param line default: as typed */
export function withSudo(line: string = typed): string {
  return `sudo env "PATH=$PATH" ${line}`;
}
