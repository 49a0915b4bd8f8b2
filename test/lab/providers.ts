import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { expect } from 'vitest';
import { startEmulator } from './digitalocean/emulator.js';
import { backendWithGuests } from './digitalocean/guests.js';
import { startCloud } from './ec2/cloud.js';
import { credentials, openAccount } from './ec2/vpc.js';

/** A source of machines for a test. */
export interface Provider {
  /** Arguments of `belt create` before the names, without a size if machines have none. */
  create: readonly string[];
  env?: Record<string, string>;
  /** The number of machines at the provider. */
  count(): Promise<number>;
  /** How many machines remain after belt has removed all machines of the test. */
  remaining: number;
  /** Undefined: machines have no sizes. */
  resizeTo?: string;
  /** belt cannot start or stop the machines. */
  powerless?: true;
  dispose(): Promise<void>;
}

/** A provider whose state can be inspected. */
export interface CloudProvider extends Provider {
  /** Inspects the only machine. */
  inspect(): Promise<{ off: boolean; size: string }>;
  /** The provider's names of sizes. */
  sizes: Readonly<Record<string, string>>;
  /** Prevents machines from starting until the returned function is called. */
  blockStart(): () => void;
}

/** The emulated DigitalOcean with real guests as droplets. */
export async function digitalOcean(): Promise<CloudProvider> {
  const guests = await backendWithGuests();
  const cloud = await startEmulator(guests);
  return {
    create: ['-d', 'digitalocean', '512mb'],
    env: { DIGITALOCEAN_API_URL: cloud.url, DIGITALOCEAN_ACCESS_TOKEN: cloud.token },
    resizeTo: '1gb',
    remaining: 0,
    count: async () => cloud.account.droplets.size,
    async inspect() {
      const [droplet] = cloud.account.droplets.values();
      return { off: droplet?.status === 'off', size: droplet?.size_slug ?? '' };
    },
    sizes: { '1gb': 's-1vcpu-1gb', '2gb': 's-1vcpu-2gb' },
    // Not needed: belt waits a second before it checks a droplet, which is long enough.
    blockStart: () => () => {},
    async dispose() {
      await cloud.close();
      await guests.dispose();
      expect(cloud.violations).toEqual([]);
      expect([cloud.account.keys.size, cloud.account.firewalls.size]).toEqual([0, 0]);
    },
  };
}

/** moto with real guests as instances, at their private addresses. */
export async function amazonEc2(): Promise<CloudProvider> {
  const cloud = await startCloud();
  const account = openAccount(cloud.ec2.url);
  const instances = async () => {
    const { Reservations = [] } = await account.send(new DescribeInstancesCommand({}));
    const all = Reservations.flatMap((reservation) => reservation.Instances ?? []);
    return all.filter(({ State }) => State?.Name !== 'terminated');
  };
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
    remaining: 0,
    count: async () => (await instances()).length,
    async inspect() {
      const [instance] = await instances();
      return { off: instance?.State?.Name === 'stopped', size: instance?.InstanceType ?? '' };
    },
    sizes: { '1gb': 't3.micro', '2gb': 't3.small' },
    blockStart() {
      cloud.ec2.fail({ action: 'StartInstances', kind: 'throttled', times: 100 });
      return () => cloud.ec2.forgive();
    },
    async dispose() {
      account.destroy();
      await cloud.dispose();
    },
  };
}
