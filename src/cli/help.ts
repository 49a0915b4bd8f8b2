import { type Command, type CommandHelp, Help, type Interfaces } from '@oclif/core';

/** The framework's help, less two slips: it takes `rm` for a topic because "swarm:" holds "rm:", and it breaks lines where the source does. */
export default class BeltHelp extends Help {
  protected override get sortedTopics(): Interfaces.Topic[] {
    const commands = this.config.commandIDs;
    return super.sortedTopics.filter(({ name }) => commands.some((id) => id.startsWith(`${name}:`)));
  }

  protected override getCommandHelpClass(command: Command.Loadable): CommandHelp {
    const { description } = command;
    return super.getCommandHelpClass(
      description === undefined ? command : { ...command, description: flowing(description) },
    );
  }
}

/** Paragraphs, and lines that are set in, stay apart. */
function flowing(text: string): string {
  return text.replace(/(\S)\n(?=\S)/g, '$1 ');
}
