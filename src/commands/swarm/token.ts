import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type JoinToken, joinToken } from '../../swarm/join-swarm.js';

export default class Token extends BaseCommand<typeof Token> {
  static override printsSecrets = true;
  static override handlesQuiet = true;
  static override summary = 'Show or rotate a join token';
  static override description =
    `Keep tokens secret: anyone who has one and can reach a manager can join. "belt swarm join" does not
need one. Rotating a token does not affect nodes that have joined.`;
  static override args = {
    role: Args.string({
      description: 'Role that the token gives (default: worker)',
      options: ['worker', 'manager'],
      ignoreStdin: true,
    }),
  };
  static override flags = {
    rotate: Flags.boolean({ summary: 'Rotate the token' }),
  };
  static override examples = [
    { description: 'Show how to join workers', command: '<%= config.bin %> swarm token' },
    { description: 'Rotate a leaked token', command: '<%= config.bin %> swarm token manager --rotate' },
  ];

  async run(): Promise<JoinToken> {
    const { rotate, quiet } = this.flags;
    const role = this.args.role === 'manager' ? 'manager' : 'worker';
    const token = await joinToken(role, { rotate }, await this.context());
    this.print(quiet ? token.token : token.message);
    return token;
  }
}
