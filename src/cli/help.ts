import { Help, type Interfaces } from '@oclif/core';

/** The framework's help, less a slip: it takes `rm` for a topic because "swarm:" holds "rm:". */
export default class BeltHelp extends Help {
  protected override get sortedTopics(): Interfaces.Topic[] {
    const commands = this.config.commandIDs;
    return super.sortedTopics.filter(({ name }) => commands.some((id) => id.startsWith(`${name}:`)));
  }
}
