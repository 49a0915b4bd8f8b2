import SwarmInit from './swarm/init.js';

export default class Init extends SwarmInit {
  static override examples = [
    { description: 'a swarm of one manager', command: '<%= config.bin %> init node1' },
  ];
}
