import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type UnlockKey as Key, unlockKey } from '../../swarm/autolock.js';

export default class UnlockKey extends BaseCommand<typeof UnlockKey> {
  static override printsSecrets = true;
  static override handlesQuiet = true;
  static override summary = 'Show or rotate the unlock key';
  static override flags = {
    rotate: Flags.boolean({
      summary: 'Rotate the key; keep the old one until all managers have the new one',
    }),
  };
  static override examples = [
    { description: 'Show the key', command: '<%= config.bin %> swarm unlock-key' },
    { description: 'Rotate the key', command: '<%= config.bin %> swarm unlock-key --rotate' },
  ];

  async run(): Promise<Key> {
    const { rotate, quiet } = this.flags;
    const key = await unlockKey({ rotate }, await this.context());
    this.print(quiet ? key.unlockKey : key.message);
    return key;
  }
}
