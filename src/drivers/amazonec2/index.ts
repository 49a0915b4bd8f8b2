import type { DriverModule } from '../driver.js';
import { declaredSettings } from './ec2-settings.js';

/** Keys, flags and variables are docker-machine's where it has them. */
export const driver: DriverModule = {
  name: 'amazonec2',
  summary: 'Amazon EC2 instances',
  settings: declaredSettings.list,
  async open(options) {
    const { openAmazonEc2 } = await import('./amazonec2-driver.js');
    return openAmazonEc2(options);
  },
};
