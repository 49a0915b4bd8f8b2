import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { exceptFlag, nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type AvailabilityChange, drainNodes } from '../../swarm/change-availability.js';

/** Seconds. Not a default of the flag, which would then require --wait. */
const defaultTimeout = 300;

export default class Drain extends NodeCommand<typeof Drain> {
  static override summary = 'Drain nodes: move their tasks to other nodes';
  static override description =
    'Reports which services are interrupted, and which containers stay because they are not swarm tasks.';
  static override usage = 'swarm drain NODES... [--wait [--timeout S]]';
  static override args = nodesArgument;
  static override flags = {
    ...exceptFlag,
    wait: Flags.boolean({ summary: 'Wait until no swarm task is running on the nodes' }),
    timeout: Flags.integer({
      summary: `Timeout of --wait in seconds (default: ${defaultTimeout})`,
      min: 1,
      helpValue: 'S',
      dependsOn: ['wait'],
    }),
  };
  static override examples = [
    { description: 'Keep a manager free of tasks', command: '<%= config.bin %> swarm drain mg1' },
    { description: 'Drain a node before maintenance', command: '<%= config.bin %> swarm drain node4 --wait' },
  ];

  async run(): Promise<BatchReport<AvailabilityChange & { name: string }>> {
    const { wait, timeout = defaultTimeout } = this.flags;
    const drain = wait ? { waitMs: timeout * 1000 } : {};
    return this.report(await drainNodes(this.words, drain, await this.context()));
  }
}
