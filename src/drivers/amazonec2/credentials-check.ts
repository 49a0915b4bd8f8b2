import { messageOf } from '../../base/errors.js';
import type { Check } from '../driver.js';
import type { Api } from './ec2-api.js';

/** Off AWS, the SDK looks in vain for an instance's role. */
const timeoutMs = 5_000;

/** Whether there are credentials at all; no call to EC2, which may cost time and needs permissions. */
export async function lookForCredentials(open: () => Promise<Api>): Promise<Check[]> {
  const base = { name: 'AWS credentials', optional: true };
  try {
    const { client, region } = await open();
    const late = new Promise<never>((_, fail) => {
      setTimeout(() => fail(new Error('not found in time')), timeoutMs).unref();
    });
    const { accessKeyId } = await Promise.race([client.config.credentials(), late]);
    return [{ ...base, ok: true, detail: `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}, ${region}` }];
  } catch (error) {
    const why = messageOf(error).split('\n')[0];
    return [
      {
        ...base,
        ok: false,
        detail: `${why}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      },
    ];
  }
}
