import SwarmPromote from './swarm/promote.js';

export default class Promote extends SwarmPromote {
  static override usage = 'promote NODES...';
  static override examples = [
    { description: 'two more managers', command: '<%= config.bin %> promote node[2:3]' },
  ];
}
