import SwarmPromote from './swarm/promote.js';

export default class Promote extends SwarmPromote {
  static override usage = 'promote NODES...';
  static override examples = [
    { description: 'Promote two workers', command: '<%= config.bin %> promote node[2:3]' },
  ];
}
