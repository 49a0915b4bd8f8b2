import { type Command, type CommandHelp, Help, type Interfaces } from '@oclif/core';

/** oclif's help with two corrections, and with the flags of only one driver. */
export default class BeltHelp extends Help {
  private argv: readonly string[] = [];

  /** oclif takes `rm` for a topic because "swarm:" contains "rm:". */
  protected override get sortedTopics(): Interfaces.Topic[] {
    const commands = this.config.commandIDs;
    return super.sortedTopics.filter(({ name }) => commands.some((id) => id.startsWith(`${name}:`)));
  }

  /** oclif breaks lines where the source does. */
  protected override getCommandHelpClass(command: Command.Loadable): CommandHelp {
    const { description } = command;
    return super.getCommandHelpClass(
      description === undefined ? command : { ...command, description: joinLines(description) },
    );
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
    if (driver === undefined) this.log(this.section('DRIVERS', await helpOfDrivers()));
  }
}

/** Joins the lines of a paragraph, but not indented lines. */
function joinLines(text: string): string {
  return text.replace(/(\S)\n(?=\S)/g, '$1 ');
}
