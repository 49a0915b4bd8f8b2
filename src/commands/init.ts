import SwarmInit from './swarm/init.js';

export default class Init extends SwarmInit {
  static override examples = [
    { description: 'Initialize a swarm with one manager', command: '<%= config.bin %> init node1' },
  ];
}
