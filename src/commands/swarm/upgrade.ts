import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { UsageError } from '../../base/errors.js';
import { allFlag, nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import {
  type PlannedNode,
  planUpgrade,
  type UpgradedNode,
  type UpgradeInput,
  upgradeNodes,
} from '../../swarm/upgrade/upgrade-nodes.js';
import { upgradePlanTable } from '../../swarm/views/node-tables.js';

export default class Upgrade extends NodeCommand<typeof Upgrade> {
  static override summary = 'give nodes another size or a newer engine while the swarm goes on';
  static override description =
    `Each node is drained, made a worker where it is a manager, changed, waited for, and made what it was again: managers one
after the other, the leader last, and then workers. The first that does not come back ends it, and the same command goes on.`;
  static override usage = 'swarm upgrade [--size SIZE] [--engine] NODES...';
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    size: Flags.string({ summary: "memory amount or the provider's size", helpValue: 'SIZE' }),
    engine: Flags.boolean({ summary: 'the newest engine of the package repositories' }),
    'max-unavailable': Flags.integer({
      summary: 'how many workers at the same time',
      default: 1,
      min: 1,
      helpValue: 'N',
    }),
    timeout: Flags.integer({
      summary: 'wait so many seconds until what runs on a node runs elsewhere',
      default: 300,
      min: 1,
      helpValue: 'S',
    }),
    'dry-run': Flags.boolean({ summary: 'show what would be done, and change nothing' }),
    force: Flags.boolean({
      summary: 'even where nothing of the swarm can be changed meanwhile, or a service stands still',
    }),
  };
  static override examples = [
    { description: 'all nodes, one at a time', command: '<%= config.bin %> swarm upgrade --size 1gb --all' },
    {
      description: 'what would be done',
      command: '<%= config.bin %> swarm upgrade --engine --dry-run "mg*"',
    },
    {
      description: 'workers, two at a time',
      command: '<%= config.bin %> swarm upgrade --size 1gb --max-unavailable 2 node[1:4]',
    },
  ];

  async run(): Promise<PlannedNode[] | BatchReport<UpgradedNode & { name: string }>> {
    const input = this.input();
    const context = await this.context();
    if (!this.flags['dry-run']) return this.report(await upgradeNodes(input, context));
    const plan = await planUpgrade(input, context);
    this.print(upgradePlanTable(plan));
    return plan;
  }

  private input(): UpgradeInput {
    const { all, size, engine, timeout, force, 'max-unavailable': maxUnavailable } = this.flags;
    if (size === undefined && !engine) {
      throw new UsageError('nothing to upgrade to', {
        hint: 'give --size SIZE, --engine, or both, as in: belt swarm upgrade --size 16gb node[1:3]',
      });
    }
    return { nodes: this.words, all, size, engine, force, maxUnavailable, drainMs: timeout * 1000 };
  }
}
