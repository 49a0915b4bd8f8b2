import { type Command, CommandHelp, Help, type Interfaces } from '@oclif/core';
import { globalFlags, outputFlags } from './global-flags.js';
import { commandGroups, helpTopics } from './help-topics.js';

/** oclif repeats the summary, and breaks lines where the source does. */
class BeltCommandHelp extends CommandHelp {
  protected override description(): string | undefined {
    const { description } = this.command;
    return description === undefined ? undefined : this.wrap(joinLines(description));
  }
}

/** oclif's help with a few corrections, grouped by task, and with the flags of only one driver. */
export default class BeltHelp extends Help {
  protected override CommandHelpClass = BeltCommandHelp;
  private argv: readonly string[] = [];

  /** oclif takes `rm` for a topic because "swarm:" contains "rm:". */
  protected override get sortedTopics(): Interfaces.Topic[] {
    const commands = this.config.commandIDs;
    return super.sortedTopics.filter(({ name }) => commands.some((id) => id.startsWith(`${name}:`)));
  }

  /** oclif shows defaults and variables first, and all global flags. */
  protected override getCommandHelpClass(command: Command.Loadable): CommandHelp {
    const { flags } = command;
    const own = Object.entries(flags).filter(([name]) => !(name in globalFlags));
    return super.getCommandHelpClass({
      ...command,
      ...(command.usage && { args: withoutBrackets(command.args), strict: true }),
      flags: Object.fromEntries(own.map(([name, flag]) => [name, withDefaultLast(inOwnGroup(name, flag))])),
    });
  }

  override async showHelp(argv: string[]): Promise<void> {
    this.argv = argv;
    const [topic = ''] = argv;
    if (topic === 'drivers') return this.showDrivers();
    if (helpTopics.has(topic)) return this.showTopic(topic);
    await super.showHelp(argv);
  }

  protected override async showRootHelp(): Promise<void> {
    this.log(this.config.pjson['description'] ?? '');
    this.log(`\n${this.section('USAGE', '$ belt [FLAGS] COMMAND [ARGS...]')}`);
    const summaries = new Map<string, string>([
      ...this.sortedCommands.map(({ id, summary }): [string, string] => [id, summary ?? '']),
      ...this.sortedTopics.map(({ name, description }): [string, string] => [name, description ?? '']),
    ]);
    for (const [group, names] of Object.entries(commandGroups))
      this.showList(
        group,
        names.map((name) => [name, summaries.get(name) ?? '']),
      );
    this.showList('help', [
      ['COMMAND --help', 'Describe a command, with examples'],
      ...[...helpTopics].map(([name, { summary }]): [string, string] => [`help ${name}`, summary]),
      ['help drivers', 'List the drivers'],
    ]);
  }

  private showTopic(name: string): void {
    const { text, lists } = helpTopics.get(name) ?? { text: '' };
    this.log(this.wrap(joinLines(text)));
    for (const [heading, rows] of Object.entries(lists ?? {})) this.showList(heading, rows);
  }

  private async showDrivers(): Promise<void> {
    this.log(this.wrap(joinLines(driversText)));
    const { helpOfDrivers } = await import('./driver-help.js');
    this.showList('drivers', await helpOfDrivers());
  }

  private showList(heading: string, rows: [string, string][]): void {
    this.log(`\n${this.section(heading.toUpperCase(), rows)}`);
  }

  /** As in docker-machine, `create --help` lists drivers, and `create -d NAME --help` its flags. */
  override async showCommandHelp(command: Command.Loadable): Promise<void> {
    await this.showOneCommand(command);
    this.log("Run 'belt help options' for the flags of all commands.\n");
  }

  private async showOneCommand(command: Command.Loadable): Promise<void> {
    if (command.id !== 'create') return super.showCommandHelp(command);
    const { driverIn, helpOfDrivers, withFlagsOf } = await import('./driver-help.js');
    const driver = driverIn(this.argv);
    await super.showCommandHelp(await withFlagsOf(driver, command));
    if (driver !== undefined) return;
    this.log(this.section('DRIVERS', await helpOfDrivers()));
    this.log("\nRun 'belt create -d NAME --help' for the flags of a driver.\n");
  }
}

const driversText = `A driver creates machines in one place. Choose one with -d NAME, MACHINE_DRIVER or the setting driver.
"belt create -d NAME --help" shows its flags, and "belt doctor -d NAME" checks what it needs.`;

function inOwnGroup(name: string, flag: Command.Flag.Cached): Command.Flag.Cached {
  return name in outputFlags ? { ...flag, helpGroup: 'OUTPUT' } : flag;
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
