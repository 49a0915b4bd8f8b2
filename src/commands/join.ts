import { nodesArgument } from '../cli/flags.js';
import SwarmJoin from './swarm/join.js';

export default class Join extends SwarmJoin {
  static override summary = "Join machines to the active machine's swarm";
  static override usage = 'join NODES... [--manager]';
  static override args = nodesArgument as unknown as typeof SwarmJoin.args;
  static override examples = [
    { description: 'Join three workers', command: '<%= config.bin %> join node[2:4]' },
    { description: 'Join two more managers', command: '<%= config.bin %> join --manager node[2:3]' },
  ];

  protected override parties(): { nodes: readonly string[] } {
    return { nodes: this.words };
  }
}
