import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { expect } from 'vitest';
import { startEmulator } from './digitalocean/emulator.js';
import { guestsBehind } from './digitalocean/guests.js';
import { startCloud } from './ec2/cloud.js';
import { credentials, openAccount } from './ec2/vpc.js';

/** Where the machines of a test come from. */
export interface Provider {
  /** What `belt create` is told before the names; without a size where machines have none. */
  create: readonly string[];
  /** The environment that belt needs for it. */
  env?: Record<string, string>;
  /** How many machines there are at the provider. */
  count(): Promise<number>;
  /** How many are left when belt has removed all of the test. */
  left: number;
  /** Absent: machines are what they are, and belt has no power over them. */
  resizeTo?: string;
  dispose(): Promise<void>;
}

/** The emulated DigitalOcean with guests behind droplets. */
export async function digitalOcean(): Promise<Provider> {
  const guests = await guestsBehind();
  const cloud = await startEmulator(guests);
  return {
    create: ['-d', 'digitalocean', '512mb'],
    env: { DIGITALOCEAN_API_URL: cloud.url, DIGITALOCEAN_ACCESS_TOKEN: cloud.token },
    resizeTo: '1gb',
    left: 0,
    count: async () => cloud.account.droplets.size,
    async dispose() {
      await cloud.close();
      await guests.dispose();
      expect(cloud.violations).toEqual([]);
      expect([cloud.account.keys.size, cloud.account.firewalls.size]).toEqual([0, 0]);
    },
  };
}

/** moto with guests behind instances, at their private addresses. */
export async function amazonEc2(): Promise<Provider> {
  const cloud = await startCloud();
  const account = openAccount(cloud.ec2.url);
  return {
    create: ['-d', 'ec2', '--amazonec2-private-address-only', '512mb'],
    env: {
      ...credentials,
      AWS_ENDPOINT_URL: cloud.ec2.url,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_SUBNET_ID: cloud.subnet,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    resizeTo: '1gb',
    left: 0,
    async count() {
      const { Reservations = [] } = await account.send(new DescribeInstancesCommand({}));
      const instances = Reservations.flatMap((reservation) => reservation.Instances ?? []);
      return instances.filter(({ State }) => State?.Name !== 'terminated').length;
    },
    async dispose() {
      account.destroy();
      await cloud.dispose();
    },
  };
}
