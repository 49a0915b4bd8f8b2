import { CreateSubnetCommand, CreateVpcCommand, EC2Client } from '@aws-sdk/client-ec2';

/** Credentials that moto accepts; they are not real. */
export const credentials = {
  AWS_ACCESS_KEY_ID: 'AKIALABLABLABLABLAB0',
  AWS_SECRET_ACCESS_KEY: 'lab-secret-access-key',
};

/** A client for the account that does not depend on belt. */
export function openAccount(endpoint: string): EC2Client {
  return new EC2Client({
    endpoint,
    region: 'us-east-1',
    credentials: {
      accessKeyId: credentials.AWS_ACCESS_KEY_ID,
      secretAccessKey: credentials.AWS_SECRET_ACCESS_KEY,
    },
  });
}

/** Creates a VPC with one subnet, both with that range. @returns the subnet's id */
export async function makeSubnet(account: EC2Client, range: string, zone = 'us-east-1a'): Promise<string> {
  const { Vpc } = await account.send(new CreateVpcCommand({ CidrBlock: range }));
  const { Subnet } = await account.send(
    new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: range, AvailabilityZone: zone }),
  );
  return Subnet?.SubnetId ?? '';
}
