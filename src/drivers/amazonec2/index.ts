import type { DriverModule } from '../driver.js';
import { declaredSettings } from './ec2-settings.js';

/** Instances of Amazon EC2. Keys, flags and variables are docker-machine's wherever it has one. */
export const driver: DriverModule = {
  name: 'amazonec2',
  summary: 'instances of Amazon EC2',
  settings: declaredSettings.list,
  async open(options) {
    const { openAmazonEc2 } = await import('./amazonec2-driver.js');
    return openAmazonEc2(options);
  },
};
