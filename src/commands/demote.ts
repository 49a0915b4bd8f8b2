import SwarmDemote from './swarm/demote.js';

export default class Demote extends SwarmDemote {
  static override usage = 'demote NODES... [--force]';
  static override examples = [
    { description: 'Demote two managers', command: '<%= config.bin %> demote mg[3:4]' },
  ];
}
