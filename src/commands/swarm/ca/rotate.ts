import { BaseCommand } from '../../../cli/base-command.js';
import { timeoutFlag } from '../../../cli/flags.js';
import { type CaRotation, rotateCa } from '../../../swarm/rotate-ca.js';

export default class CaRotate extends BaseCommand<typeof CaRotate> {
  static override summary = "Rotate the swarm CA and wait for all nodes' certificates";
  static override description =
    `Nodes authenticate each other with certificates from the swarm CA. For the certificates of engines,
use "belt certs rotate". Prints the new CA certificate, as docker does. Missing nodes block the
rotation: remove them with "belt swarm rm".`;
  static override flags = timeoutFlag('Timeout in seconds; managers continue the rotation afterwards', 300);
  static override examples = [
    { description: 'Rotate after a node was compromised', command: '<%= config.bin %> swarm ca rotate' },
  ];

  async run(): Promise<CaRotation> {
    const rotation = await rotateCa({ timeoutMs: this.flags.timeout * 1000 }, await this.context());
    this.print(rotation.certificate);
    return rotation;
  }
}
