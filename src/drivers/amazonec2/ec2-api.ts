import { pipeline, type Readable } from 'node:stream';
import { EC2Client } from '@aws-sdk/client-ec2';
import { limitStream, mebibyte } from '../../base/size-limit.js';
import { toEc2Error } from './ec2-errors.js';
import type { Ec2Settings } from './ec2-settings.js';

const fallbackRegion = 'us-east-1';

/** A page of 1000 instances takes 5 MB. */
const maxResponseBytes = 64 * mebibyte;

/** The most values that a filter accepts. @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html */
export const valuesPerFilter = 200;

export interface Ec2Api {
  region: string;
  endpoint?: string;
  client: EC2Client;
}

export interface Ec2Location {
  region?: string;
  endpoint?: string;
}

/** @param location of an existing machine; takes precedence over the settings */
export async function openApi(settings: Ec2Settings, location: Ec2Location = {}): Promise<Ec2Api> {
  const endpoint = location.endpoint ?? settings.endpoint;
  const region = location.region ?? settings.region ?? (await regionOfProfile());
  const client = new EC2Client({
    region,
    maxAttempts: settings.retries + 1,
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 60_000, throwOnRequestTimeout: true },
    ...(endpoint !== undefined && { endpoint }),
    ...(settings.credentials && { credentials: settings.credentials }),
  });
  client.middlewareStack.add(
    (next) => async (input) => {
      try {
        return await next(input);
      } catch (error) {
        throw toEc2Error(error, region);
      }
    },
    { step: 'initialize', priority: 'high', name: 'explain' },
  );
  client.middlewareStack.add(
    (next) => async (input) => {
      const output = await next(input);
      const response = output.response as { body: Readable };
      const limit = limitStream(maxResponseBytes, 'the response of the EC2 API');
      // The reader of the limited stream gets the error.
      response.body = pipeline(response.body, limit, () => {});
      return output;
    },
    { step: 'deserialize', priority: 'low', name: 'limit' },
  );
  return { region, client, ...(endpoint !== undefined && { endpoint }) };
}

async function regionOfProfile(): Promise<string> {
  const client = new EC2Client({});
  try {
    return await client.config.region();
  } catch {
    return fallbackRegion;
  } finally {
    client.destroy();
  }
}

/** The pause before each poll; the last one repeats. */
export const pausesMs = [0, 500, 1_000, 2_000, 3_000, 5_000] as const;

export const pollIntervalMs = 1_000;
