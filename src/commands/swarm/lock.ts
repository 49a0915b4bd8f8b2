import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type AutolockState, setAutolock } from '../../swarm/autolock.js';

export default class Lock extends BaseCommand<typeof Lock> {
  static override printsSecrets = true;
  static override summary = 'Enable or disable autolock';
  static override description =
    `With autolock, managers need the unlock key after a restart. belt prints it now, and "belt
swarm unlock-key" shows it again. Store it in a safe place.`;
  static override flags = {
    off: Flags.boolean({ summary: 'Disable autolock' }),
  };
  static override examples = [
    { description: 'Enable autolock', command: '<%= config.bin %> swarm lock' },
    { description: 'Disable autolock', command: '<%= config.bin %> swarm lock --off' },
  ];

  async run(): Promise<AutolockState> {
    const state = await setAutolock(!this.flags.off, await this.context());
    this.print(state.message);
    return state;
  }
}
