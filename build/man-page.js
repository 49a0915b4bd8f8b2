/**
 * The manual page belt(1), with all commands.
 * @param {Record<string, import('@oclif/core').Command.Cached>} commands of oclif's manifest
 * @param {{ version: string, description: string }} pjson
 * @returns {string} in the language of man(7)
 */
export function manPage(commands, { version, description }) {
  const shown = Object.values(commands).filter(({ hidden }) => !hidden);
  const parts = [
    `.TH BELT 1 "" "belt ${version}" "User Commands"`,
    `.SH NAME\nbelt \\- ${plain(description)}`,
    '.SH SYNOPSIS\n.B belt\n[FLAGS] COMMAND [ARGS...]',
    `.SH DESCRIPTION\n${plain('"belt --help" groups the commands by task and lists topics, such as "belt help patterns".')}`,
    '.SH COMMANDS',
    ...shown.map(commandText),
  ];
  return `${parts.join('\n')}\n`;
}

/** @param {import('@oclif/core').Command.Cached} command */
function commandText({ id, summary = '', description = '', args, flags, usage, examples = [] }) {
  const name = id.replaceAll(':', ' ');
  const synopsis = [usage ?? [name, ...Object.values(args).map(argument)].join(' ')].flat();
  const own = Object.values(flags).filter(({ hidden, helpGroup }) => !hidden && helpGroup !== 'GLOBAL');
  return [
    `.SS ${plain(`belt ${name}`)}`,
    `${plain(summary)}.`,
    `.PP\n.B belt\n${plain(synopsis.join('\n'))}`,
    ...(description === '' ? [] : [`.PP\n${paragraphs(description)}`]),
    ...own.map((flag) => item(flagName(flag), flag.summary ?? '')),
    ...examples.map(example),
  ].join('\n');
}

/** @param {import('@oclif/core').Command.Arg.Cached} argument */
function argument({ name, required }) {
  return required ? name.toUpperCase() : `[${name.toUpperCase()}]`;
}

/** @param {import('@oclif/core').Command.Flag.Cached} flag */
function flagName(flag) {
  const value = flag.type === 'option' ? `=${flag.helpValue ?? 'VALUE'}` : '';
  return `${flag.char ? `-${flag.char}, ` : ''}--${flag.name}${value}`;
}

/** @param {import('@oclif/core').Command.Example} given */
function example(given) {
  if (typeof given === 'string') return `.PP\n${plain(given)}`;
  const command = given.command.replaceAll('<%= config.bin %>', 'belt');
  return `.PP\n${plain(given.description)}:\n.IP\n.nf\n${plain(command)}\n.fi`;
}

/** @param {string} term @param {string} text */
function item(term, text) {
  return `.TP\n.B ${plain(term)}\n${plain(text)}`;
}

/** Indented lines stay as they are. @param {string} text */
function paragraphs(text) {
  const blocks = text.split(/\n{2,}/);
  return blocks
    .map((block) => (/^\s/.test(block) ? `.nf\n${plain(block)}\n.fi` : plain(block)))
    .join('\n.PP\n');
}

/** Escapes what man(7) would interpret. @param {string} text */
function plain(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1');
}
