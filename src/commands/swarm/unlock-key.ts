import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type UnlockKey as Key, unlockKey } from '../../swarm/autolock.js';

export default class UnlockKey extends BaseCommand<typeof UnlockKey> {
  static override summary = 'show the key that unlocks managers, or make a new one';
  static override flags = {
    rotate: Flags.boolean({ summary: 'a new key; keep the old one until all managers have taken it' }),
    quiet: Flags.boolean({ char: 'q', summary: 'the key alone' }),
  };
  static override examples = [
    { description: 'the key', command: '<%= config.bin %> swarm unlock-key' },
    { description: 'a new one', command: '<%= config.bin %> swarm unlock-key --rotate' },
  ];

  async run(): Promise<Key> {
    const { rotate, quiet } = this.flags;
    const key = await unlockKey({ rotate }, await this.context());
    this.print(quiet ? key.unlockKey : key.message);
    return key;
  }
}
