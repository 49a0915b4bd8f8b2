import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';
import { activate, qualifiedName, resolveActiveMachine } from '../machines/active-machine.js';

export default class Active extends BaseCommand<typeof Active> {
  static override summary = 'Show or set the active machine';
  static override description =
    `The active machine is the one that "belt docker" talks to. If none is set, belt
shows the machine that $DOCKER_HOST names, as after eval $(belt env node1).`;
  static override args = {
    node: argument('Machine to make active'),
  };
  static override flags = { timeout: Flags.integer({ char: 't', hidden: true }) };
  static override examples = [
    { description: 'Set the active machine', command: '<%= config.bin %> active node1' },
    { description: 'Show the active machine', command: '<%= config.bin %> active' },
  ];

  async run(): Promise<{ active: string }> {
    const context = await this.context();
    const machine =
      this.args.node === undefined
        ? await resolveActiveMachine(await this.variable('DOCKER_HOST'), context)
        : await activate(this.args.node, context);
    const active = qualifiedName(machine, context);
    this.print(active);
    return { active };
  }
}
