import { type Command, type CommandHelp, Help, type Interfaces } from '@oclif/core';

/** oclif's help with a few corrections, and with the flags of only one driver. */
export default class BeltHelp extends Help {
  private argv: readonly string[] = [];

  /** oclif takes `rm` for a topic because "swarm:" contains "rm:". */
  protected override get sortedTopics(): Interfaces.Topic[] {
    const commands = this.config.commandIDs;
    return super.sortedTopics.filter(({ name }) => commands.some((id) => id.startsWith(`${name}:`)));
  }

  /** oclif breaks lines where the source does, and shows defaults and variables first. */
  protected override getCommandHelpClass(command: Command.Loadable): CommandHelp {
    const { description, flags } = command;
    return super.getCommandHelpClass({
      ...command,
      ...(description !== undefined && { description: joinLines(description) }),
      ...(command.usage && { args: withoutBrackets(command.args), strict: true }),
      flags: Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, withDefaultLast(flag)])),
    });
  }

  override async showHelp(argv: string[]): Promise<void> {
    this.argv = argv;
    await super.showHelp(argv);
  }

  /** As in docker-machine, `create --help` lists drivers, and `create -d NAME --help` its flags. */
  override async showCommandHelp(command: Command.Loadable): Promise<void> {
    if (command.id !== 'create') return super.showCommandHelp(command);
    const { driverIn, helpOfDrivers, withFlagsOf } = await import('./driver-help.js');
    const driver = driverIn(this.argv);
    await super.showCommandHelp(await withFlagsOf(driver, command));
    if (driver !== undefined) return;
    this.log(this.section('DRIVERS', await helpOfDrivers()));
    this.log("\nRun 'belt create -d NAME --help' for the flags of a driver.\n");
  }
}

/** As docker does: `Number of lines (default: 10) [$LINES]`. */
function withDefaultLast({ env, ...flag }: Command.Flag.Cached): Command.Flag.Cached {
  const variable = env === undefined ? '' : ` [$${env}]`;
  if (flag.type === 'boolean') return { ...flag, summary: `${flag.summary}${variable}` };
  const { default: value, options, ...option } = flag;
  return {
    ...option,
    summary: `${flag.summary}${value === undefined ? '' : ` (default: ${value})`}${variable}`,
    ...(options && { helpValue: options.join('|') }),
  };
}

/** The usage shows which arguments are optional, and which are lists. */
function withoutBrackets(args: Command.Loadable['args']): Command.Loadable['args'] {
  return Object.fromEntries(Object.entries(args).map(([name, arg]) => [name, { ...arg, required: true }]));
}

/** Joins the lines of a paragraph, but not indented lines. */
function joinLines(text: string): string {
  return text.replace(/(\S)\n(?=\S)/g, '$1 ');
}
