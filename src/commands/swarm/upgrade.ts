import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { UsageError } from '../../base/errors.js';
import { allFlag, nodesArgument, timeoutFlag } from '../../cli/flags.js';
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
  static override summary = 'Resize nodes or upgrade their engines without downtime';
  static override description =
    `Each node is drained, demoted if it is a manager, changed, and restored: managers one at a time, leader
last, and then workers. Stops at the first node that does not come back. Rerun to resume.`;
  static override usage = 'swarm upgrade [--size SIZE] [--engine] NODES...';
  static override args = nodesArgument;
  static override resumes = true;
  static override flags = {
    ...allFlag,
    size: Flags.string({ summary: "Memory amount or the provider's size", helpValue: 'SIZE' }),
    engine: Flags.boolean({ summary: 'Upgrade the engine from the package repositories' }),
    'max-unavailable': Flags.integer({
      summary: 'Maximum number of workers at a time',
      default: 1,
      min: 1,
      helpValue: 'N',
    }),
    ...timeoutFlag('Timeout in seconds for moving tasks off a node', 300),
    'dry-run': Flags.boolean({ summary: 'Show what would be done, without doing it' }),
    force: Flags.boolean({
      summary: 'Upgrade even if the swarm loses its quorum or a service stops',
    }),
  };
  static override examples = [
    {
      description: 'Resize all nodes, one at a time',
      command: '<%= config.bin %> swarm upgrade --size 1gb --all',
    },
    {
      description: 'Show what an upgrade would do',
      command: '<%= config.bin %> swarm upgrade --engine --dry-run "mg*"',
    },
    {
      description: 'Resize workers two at a time',
      command: '<%= config.bin %> swarm upgrade --size 1gb --max-unavailable 2 node[1:4]',
    },
  ];

  async run(): Promise<PlannedNode[] | BatchReport<UpgradedNode & { name: string }>> {
    const input = this.input();
    const context = await this.context();
    if (!this.flags['dry-run']) return this.report(await upgradeNodes(input, context));
    const plan = await planUpgrade(input, context);
    this.print(upgradePlanTable(plan, { wide: this.wide }));
    return plan;
  }

  private input(): UpgradeInput {
    const { all, size, engine, timeout, force, 'max-unavailable': maxUnavailable } = this.flags;
    if (size === undefined && !engine) {
      throw new UsageError('no --size or --engine specified', {
        hint: 'belt swarm upgrade --size 16gb node[1:3]',
      });
    }
    return { nodes: this.words, all, size, engine, force, maxUnavailable, drainMs: timeout * 1000 };
  }
}
