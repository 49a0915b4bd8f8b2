import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type Lock as LockState, setAutolock } from '../../swarm/autolock.js';

export default class Lock extends BaseCommand<typeof Lock> {
  static override summary = 'have managers that restart ask for a key, or no longer';
  static override description =
    "docker's autolock: what a manager stores of the swarm cannot be read without the key. It is printed here, and by belt swarm unlock-key; keep it elsewhere.";
  static override flags = {
    off: Flags.boolean({ summary: 'managers restart without a key again' }),
  };
  static override examples = [
    { description: 'from now on', command: '<%= config.bin %> swarm lock' },
    { description: 'no longer', command: '<%= config.bin %> swarm lock --off' },
  ];

  async run(): Promise<LockState> {
    const state = await setAutolock(!this.flags.off, await this.context());
    this.print(state.message);
    return state;
  }
}
