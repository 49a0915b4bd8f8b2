import SwarmDrain from './swarm/drain.js';

export default class Drain extends SwarmDrain {
  static override usage = 'drain NODES... [--wait [--timeout S]]';
  static override examples = [
    { description: 'Drain a node before maintenance', command: '<%= config.bin %> drain node4 --wait' },
  ];
}
