import { setTimeout as sleep } from 'node:timers/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import { AbortError } from '../../base/errors.js';
import { explained } from './ec2-errors.js';
import type { Ec2Settings } from './ec2-settings.js';

/** docker-machine's default. */
const fallbackRegion = 'us-east-1';

/** Most values in one filter. @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html */
export const valuesPerFilter = 200;

/** EC2 in one region. */
export interface Api {
  region: string;
  /** Absent: the region's own. */
  endpoint?: string;
  client: EC2Client;
}

/** Which EC2 a machine is at: that of a region, or of an endpoint. */
export interface Whereabouts {
  region?: string;
  endpoint?: string;
}

/** @param place where a machine is that was made earlier, which wins over the settings */
export async function openApi(settings: Ec2Settings, place: Whereabouts = {}): Promise<Api> {
  const endpoint = place.endpoint ?? settings.endpoint;
  const region = place.region ?? settings.region ?? (await regionOfProfile());
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
        throw explained(error, region);
      }
    },
    { step: 'initialize', priority: 'high', name: 'explain' },
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

/** Between two looks at what takes its time; the first ones come sooner. */
const pauses = [500, 1_000, 2_000, 3_000, 5_000] as const;

/** Lets its caller look again and again, at once and after each pause, until the time is over. */
export async function* looks({
  timeoutMs,
  signal,
}: {
  timeoutMs: number;
  signal: AbortSignal;
}): AsyncGenerator<void> {
  const deadline = Date.now() + timeoutMs;
  for (let round = 0; round === 0 || Date.now() < deadline; round += 1) {
    yield;
    const pauseMs = pauses[Math.min(round, pauses.length - 1)];
    await sleep(pauseMs, undefined, { signal }).catch(() => {
      throw new AbortError();
    });
  }
}
