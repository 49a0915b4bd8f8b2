import { messageOf } from '../../base/errors.js';
import type { Check } from '../driver.js';
import type { Api } from './ec2-api.js';

/** Outside AWS, the SDK waits for the role of an instance. */
const timeoutMs = 5_000;

/** Checks for credentials without calling EC2, which takes time and permissions. */
export async function diagnose(open: () => Promise<Api>): Promise<Check[]> {
  const base = { name: 'AWS credentials', optional: true };
  try {
    const { client, region } = await open();
    const timeout = new Promise<never>((_, fail) => {
      setTimeout(() => fail(new Error('not found in time')), timeoutMs).unref();
    });
    const { accessKeyId } = await Promise.race([client.config.credentials(), timeout]);
    return [{ ...base, ok: true, detail: `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}, ${region}` }];
  } catch (error) {
    const reason = messageOf(error).split('\n')[0];
    return [
      {
        ...base,
        ok: false,
        detail: `${reason}: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      },
    ];
  }
}
