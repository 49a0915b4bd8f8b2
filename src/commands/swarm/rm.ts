import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { exceptFlag, nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type Removed, removeNodes } from '../../swarm/remove-nodes.js';

export default class SwarmRm extends NodeCommand<typeof SwarmRm> {
  static override summary = 'Remove missing nodes from their swarm';
  static override description =
    `Missing managers are demoted first. Refused if the swarm would lose its quorum. For nodes that still
exist, use "belt swarm leave".`;
  static override usage = 'swarm rm NODES... [--force]';
  static override args = nodesArgument;
  static override flags = {
    ...exceptFlag,
    force: Flags.boolean({ summary: 'Also remove existing nodes, and ignore the quorum' }),
  };
  static override examples = [
    { description: 'Remove a destroyed node', command: '<%= config.bin %> swarm rm node4' },
  ];

  async run(): Promise<BatchReport<Removed & { name: string }>> {
    return this.report(await removeNodes(this.words, this.flags, await this.context()));
  }
}
