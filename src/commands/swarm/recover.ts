import { Flags } from '@oclif/core';
import { askUnlockKey } from '../../cli/ask-unlock-key.js';
import { BaseCommand } from '../../cli/base-command.js';
import { yesFlag } from '../../cli/flags.js';
import { planRecovery, type RecoveryPlan } from '../../swarm/recovery/plan-recovery.js';
import { type Recovered, recoverSwarm } from '../../swarm/recovery/recover-swarm.js';
import { lostWarning, planText, recoveredText } from '../../swarm/views/recovery-texts.js';

export default class Recover extends BaseCommand<typeof Recover> {
  static override summary = 'Recover a swarm that has lost its quorum';
  static override description =
    `Inspects every machine of the cluster, backs up the state of the most up-to-date manager, and
initializes the swarm again on it. The other machines rejoin in their previous roles, and entries of
lost nodes are removed. If lost managers can be started, start them instead. The same brings back a
swarm whose only manager has lost its advertised address; of several managers, those leave and join
again. Rerun to resume an interrupted "swarm recover" or "swarm restore".`;
  static override usage = 'swarm recover [--yes] [--force]';
  static override resumes = true;
  static override flags = {
    ...yesFlag,
    force: Flags.boolean({ summary: 'Recover even if enough managers respond to elect a leader' }),
  };
  static override examples = [
    { description: 'Recover a swarm after confirmation', command: '<%= config.bin %> swarm recover' },
  ];

  async run(): Promise<Recovered> {
    const context = await this.context();
    const { yes, force } = this.flags;
    const plan = await planRecovery({ force }, context);
    if (!yes) await this.confirmRecovery(plan);
    else if (plan.lost.length > 0) context.reporter.warn(lostWarning(plan));
    const unlockKey = plan.lockedKey === undefined ? undefined : await askUnlockKey(context.signal);
    const recovered = await recoverSwarm(plan, unlockKey, context);
    if (recovered.returned.failed.length > 0) this.fail();
    this.print(recoveredText(recovered));
    return recovered;
  }

  private async confirmRecovery(plan: RecoveryPlan): Promise<void> {
    this.explain(planText(plan));
    await this.confirm('Continue?', 'changed');
  }
}
