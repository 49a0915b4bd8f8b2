import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type JoinToken, joinToken } from '../../swarm/join-token.js';

export default class Token extends BaseCommand<typeof Token> {
  static override summary = 'show the token that nodes join the swarm with, or make a new one';
  static override description =
    'The token is a secret: whoever has it, and reaches a manager, can join. belt swarm join needs none; a new one ends the old one, and leaves the nodes that have joined.';
  static override args = {
    role: Args.string({
      description: 'for worker or manager; worker if absent',
      options: ['worker', 'manager'],
      ignoreStdin: true,
    }),
  };
  static override flags = {
    rotate: Flags.boolean({ summary: 'a new token; the old one holds no longer' }),
    quiet: Flags.boolean({ char: 'q', summary: 'the token alone' }),
  };
  static override examples = [
    { description: 'how others join', command: '<%= config.bin %> swarm token' },
    { description: 'after it was seen by others', command: '<%= config.bin %> swarm token manager --rotate' },
  ];

  async run(): Promise<JoinToken> {
    const { rotate, quiet } = this.flags;
    const role = this.args.role === 'manager' ? 'manager' : 'worker';
    const token = await joinToken(role, { rotate }, await this.context());
    this.print(quiet ? token.token : token.message);
    return token;
  }
}
