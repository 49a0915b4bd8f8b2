import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';
import { activate, qualifiedName, shownActive } from '../machines/active-machine.js';

export default class Active extends BaseCommand<typeof Active> {
  static override summary = 'choose or show the machine that "belt docker" talks to';
  static override description =
    'Where none was chosen, the machine that $DOCKER_HOST names is the active one, as after eval $(belt env node1).';
  static override args = {
    node: argument('the machine to talk to from now on'),
  };
  static override flags = { timeout: Flags.integer({ char: 't', hidden: true }) };
  static override examples = [
    { description: 'choose', command: '<%= config.bin %> active node1' },
    { description: 'show', command: '<%= config.bin %> active' },
  ];

  async run(): Promise<{ active: string }> {
    const context = await this.context();
    const machine =
      this.args.node === undefined
        ? await shownActive(await this.variable('DOCKER_HOST'), context)
        : await activate(this.args.node, context);
    const active = qualifiedName(machine, context);
    this.print(active);
    return { active };
  }
}
