import { AbortError, ExternalError, messageOf, UserError } from '../../base/errors.js';

/** An error response, with EC2's code: `InvalidAMIID.NotFound`. */
export class Ec2Error extends ExternalError {
  constructor(
    readonly code: string,
    message: string,
    details: { hint?: string },
  ) {
    super(message, details);
    this.name = 'Ec2Error';
  }
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Ec2Error && codes.includes(error.code);
}

/** No capacity, or no spot capacity at the price: another type, zone or on-demand may work. */
const capacityErrorCodes = [
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientCapacity',
  'Unsupported',
] as const;

export const spotErrorCodes = [
  ...capacityErrorCodes,
  'SpotMaxPriceTooLow',
  'MaxSpotInstanceCountExceeded',
  'InvalidSpotPrice',
] as const;

/** Hints by error code. @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
const hints: readonly (readonly [code: RegExp, hint: string])[] = [
  [
    /^AuthFailure$|^InvalidClientTokenId|^SignatureDoesNotMatch/,
    'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or your AWS profile',
  ],
  [/^ExpiredToken|^RequestExpired/, 'log in again (aws sso login), or check the clock of this computer'],
  [
    /^OptInRequired|^Blocked|^PendingVerification/,
    'check in the AWS console that the account is ready for EC2',
  ],
  [
    /^UnauthorizedOperation|^AccessDenied/,
    'add it; docs/drivers/amazonec2.md lists the permissions that belt needs',
  ],
  [
    /^(?!Request).*LimitExceeded$|^MaxSpotInstanceCountExceeded/,
    'request a higher quota at https://console.aws.amazon.com/servicequotas, or use another region',
  ],
  [/^Insufficient(Instance|Host)?Capacity/, 'rerun the command later, or choose another zone or size'],
  [/^Unsupported$/, 'choose another zone with --amazonec2-zone'],
  [
    /^SpotMaxPriceTooLow|^InvalidSpotPrice/,
    'raise --amazonec2-spot-price, or use on-demand instances with --amazonec2-spot-fallback',
  ],
  [/^InvalidAMIID/, 'omit --amazonec2-ami, or use an id of this region'],
  [/^InvalidKeyPair/, 'aws ec2 describe-key-pairs'],
  [/^InvalidSubnetID|^InvalidVpcID|^InvalidGroup/, 'use one that exists in this region and VPC'],
  [/^InvalidInstanceType|^InstanceTypeUnsupported/, 'aws ec2 describe-instance-types'],
  [/^InsufficientFreeAddressesInSubnet/, 'choose another subnet with --amazonec2-subnet-id'],
  [/^RequestLimitExceeded|^Throttling/, 'rerun the command, or raise --amazonec2-retries'],
];

/** The error in the user's terms, without the request: it holds keys. */
export function toEc2Error(error: unknown, region: string): Error {
  if (!(error instanceof Error)) return new ExternalError(messageOf(error));
  if (error instanceof UserError || error instanceof ExternalError) return error;
  if (error.name === 'AbortError') return new AbortError();
  // Before the check for missing credentials, as EC2's messages mention credentials too.
  if ('$metadata' in error && '$fault' in error) {
    const hint = hints.find(([code]) => code.test(error.name))?.[1];
    return new Ec2Error(
      error.name,
      `EC2 in ${region}: ${error.message} (${error.name})`,
      hint ? { hint } : {},
    );
  }
  if (error.name === 'CredentialsProviderError' || /credential/i.test(error.message)) {
    return new UserError('AWS credentials not found', {
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; "aws configure" creates a profile, "aws sso login" renews one',
    });
  }
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  const message = error.message.includes(code.slice(0, -2)) ? error.message : `${code}${error.message}`;
  return new ExternalError(`cannot connect to EC2 in ${region}: ${message || error.name}`, {
    hint: 'check the region, the endpoint and the network',
  });
}
