import { EC2Client } from '@aws-sdk/client-ec2';
import type { Ec2Api } from '../../../src/drivers/amazonec2/ec2-api.js';
import { toEc2Error } from '../../../src/drivers/amazonec2/ec2-errors.js';

export interface Call {
  /** As returned by `DescribeInstances`. */
  action: string;
  // Inputs differ from call to call.
  // biome-ignore lint/suspicious/noExplicitAny: a test knows which call it looks at
  input: any;
}

/** A fake EC2 with responses from the test. Errors of `answer` reach the driver. */
export function fakeEc2(answer: (call: Call) => object): { api: Ec2Api; calls: Call[] } {
  const region = 'us-east-1';
  const client = new EC2Client({ region });
  const calls: Call[] = [];
  client.middlewareStack.add(
    (_, { commandName = '' }) =>
      async ({ input }) => {
        const call = { action: commandName.replace(/Command$/, ''), input };
        calls.push(call);
        try {
          return { response: undefined, output: { $metadata: {}, ...answer(call) } };
        } catch (error) {
          throw toEc2Error(error, region);
        }
      },
    { step: 'initialize', name: 'fake' },
  );
  return { api: { region, client }, calls };
}

/** A failed response of EC2. */
export function refusal(code: string, message = 'no'): Error {
  return Object.assign(new Error(message), { name: code, $metadata: {}, $fault: 'client' });
}
