import { type Command, type CommandHelp, Help, type Interfaces } from '@oclif/core';

/** The framework's help with two corrections, and with the flags of one driver at a time. */
export default class BeltHelp extends Help {
  private argv: readonly string[] = [];

  /** The framework takes `rm` for a topic because "swarm:" holds "rm:". */
  protected override get sortedTopics(): Interfaces.Topic[] {
    const commands = this.config.commandIDs;
    return super.sortedTopics.filter(({ name }) => commands.some((id) => id.startsWith(`${name}:`)));
  }

  /** The framework breaks lines where the source does; belt lets them flow. */
  protected override getCommandHelpClass(command: Command.Loadable): CommandHelp {
    const { description } = command;
    return super.getCommandHelpClass(
      description === undefined ? command : { ...command, description: flowing(description) },
    );
  }

  override async showHelp(argv: string[]): Promise<void> {
    this.argv = argv;
    await super.showHelp(argv);
  }

  /**
   * As docker-machine does: `create --help` names the drivers, `create -d NAME --help` has that
   * one's flags.
   */
  override async showCommandHelp(command: Command.Loadable): Promise<void> {
    if (command.id !== 'create') return super.showCommandHelp(command);
    const { driverIn, helpOfDrivers, withFlagsOf } = await import('./driver-help.js');
    const driver = driverIn(this.argv);
    await super.showCommandHelp(await withFlagsOf(driver, command));
    if (driver === undefined) this.log(this.section('DRIVERS', await helpOfDrivers()));
  }
}

/** Joins the lines of a paragraph; indented lines stay apart. */
function flowing(text: string): string {
  return text.replace(/(\S)\n(?=\S)/g, '$1 ');
}
