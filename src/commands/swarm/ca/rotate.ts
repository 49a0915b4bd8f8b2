import { Flags } from '@oclif/core';
import { BaseCommand } from '../../../cli/base-command.js';
import { type CaRotation, rotateCa } from '../../../swarm/rotate-ca.js';

export default class CaRotate extends BaseCommand<typeof CaRotate> {
  static override summary =
    "give the swarm a new certificate authority, and wait until all nodes' certificates are of it";
  static override description =
    "It is the swarm's own, with which nodes trust each other; for the certificates of the engines: belt certs rotate. Prints its certificate, as docker does. Nodes that are gone hold it up: remove them with belt swarm rm.";
  static override flags = {
    timeout: Flags.integer({
      summary: 'give up waiting after so many seconds; the managers go on',
      default: 300,
      min: 1,
      helpValue: 'S',
    }),
  };
  static override examples = [
    { description: 'after a node was broken into', command: '<%= config.bin %> swarm ca rotate' },
  ];

  async run(): Promise<CaRotation> {
    const rotation = await rotateCa({ timeoutMs: this.flags.timeout * 1000 }, await this.context());
    this.print(rotation.certificate);
    return rotation;
  }
}
