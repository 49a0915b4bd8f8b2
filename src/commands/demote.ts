import SwarmDemote from './swarm/demote.js';

export default class Demote extends SwarmDemote {
  static override usage = 'demote NODES... [--force]';
  static override examples = [
    { description: 'two managers less', command: '<%= config.bin %> demote mg[3:4]' },
  ];
}
