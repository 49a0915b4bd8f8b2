import { type BatchReport, reportOf } from '../../app/batch-report.js';
import { askUnlockKey } from '../../cli/ask-unlock-key.js';
import { BaseCommand } from '../../cli/base-command.js';
import { exceptFlag, nodesArgument } from '../../cli/flags.js';
import { type Unlocked, unlockNodes } from '../../swarm/autolock.js';

export default class Unlock extends BaseCommand<typeof Unlock> {
  static override summary = 'Unlock restarted managers';
  static override description =
    `Prompts for the unlock key, or reads it from standard input. Without NODES, unlocks all locked
machines.`;
  static override usage = 'swarm unlock [NODES...]';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = exceptFlag;
  static override examples = [
    { description: 'Unlock all locked managers', command: '<%= config.bin %> swarm unlock' },
    {
      description: 'Read the key from a file',
      command: '<%= config.bin %> swarm unlock mg1 < key',
    },
  ];

  async run(): Promise<BatchReport<Unlocked & { name: string }>> {
    const context = await this.context();
    const { signal } = context;
    const outcomes = await unlockNodes({ nodes: this.words, askKey: () => askUnlockKey(signal) }, context);
    signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    return reportOf(outcomes, (name, unlocked) => ({ name, ...unlocked }));
  }
}
