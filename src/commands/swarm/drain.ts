import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type AvailabilityChange, drainNodes } from '../../swarm/change-availability.js';

/** Seconds; no default of the flag, which would want --wait each time. */
const defaultTimeout = 300;

export default class Drain extends NodeCommand<typeof Drain> {
  static override summary = 'move what the swarm runs on nodes elsewhere';
  static override description =
    `Says which services that interrupts, and which containers stay since they are no tasks of the swarm.`;
  static override usage = 'swarm drain NODES... [--wait [--timeout S]]';
  static override args = nodesArgument;
  static override flags = {
    wait: Flags.boolean({ summary: 'until no task of the swarm runs there any more' }),
    timeout: Flags.integer({
      summary: `give up waiting after so many seconds; ${defaultTimeout} if absent`,
      min: 1,
      helpValue: 'S',
      dependsOn: ['wait'],
    }),
  };
  static override examples = [
    { description: 'a manager that is to do nothing else', command: '<%= config.bin %> swarm drain mg1' },
    { description: 'before work on a node', command: '<%= config.bin %> swarm drain node4 --wait' },
  ];

  async run(): Promise<BatchReport<AvailabilityChange & { name: string }>> {
    const { wait, timeout = defaultTimeout } = this.flags;
    const drain = wait ? { waitMs: timeout * 1000 } : {};
    return this.report(await drainNodes(this.words, drain, await this.context()));
  }
}
