import { Flags } from '@oclif/core';
import { askUnlockKey } from '../../cli/ask-unlock-key.js';
import { BaseCommand } from '../../cli/base-command.js';
import { yesFlag } from '../../cli/flags.js';
import {
  planRecovery,
  type Recovered,
  type RecoveryPlan,
  recoverSwarm,
} from '../../swarm/recovery/recover-swarm.js';
import { planText, recoveredText } from '../../swarm/views/recovery-texts.js';
import { confirm, notAgreed } from '../../ui/prompt.js';

export default class Recover extends BaseCommand<typeof Recover> {
  static override summary = 'bring a swarm back that has lost its quorum';
  static override description =
    `Looks at every machine of the cluster, and begins the swarm anew on the manager that knows most of what was decided, once its state as
it is has been copied there. The other machines become nodes of it again, in the roles that they had, and entries of lost nodes are removed.
Lost managers that can be started should be started instead. Called again after an interruption, or after "swarm restore", it goes on.`;
  static override usage = 'swarm recover [--yes] [--force]';
  static override flags = {
    ...yesFlag,
    force: Flags.boolean({ summary: 'do it even where enough managers answer to elect a leader' }),
  };
  static override examples = [{ description: 'asks first', command: '<%= config.bin %> swarm recover' }];

  async run(): Promise<Recovered> {
    const context = await this.context();
    const { yes, force } = this.flags;
    const plan = await planRecovery({ force }, context);
    if (!(yes || (await this.agreed(plan, context.signal)))) throw notAgreed('changed');
    const unlockKey = plan.lockedKey === undefined ? undefined : await askUnlockKey(context.signal);
    const recovered = await recoverSwarm(plan, unlockKey, context);
    if (recovered.returned.failed.length > 0) this.fail();
    this.print(recoveredText(recovered));
    return recovered;
  }

  private agreed(plan: RecoveryPlan, signal: AbortSignal): Promise<boolean> {
    process.stderr.write(`${planText(plan)}\n`);
    return confirm('Go on? (y/n): ', { input: process.stdin, output: process.stderr, signal });
  }
}
