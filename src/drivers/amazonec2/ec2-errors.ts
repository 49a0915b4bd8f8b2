import { AbortError, ExternalError, messageOf, UserError } from '../../base/errors.js';

/** What EC2 answered, with its own name for it: `InvalidAMIID.NotFound`. */
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

/** No room at the moment, or no spot capacity at the price: another type, zone or way of paying may do. */
const noCapacity = [
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientCapacity',
  'Unsupported',
] as const;

export const noSpot = [
  ...noCapacity,
  'SpotMaxPriceTooLow',
  'MaxSpotInstanceCountExceeded',
  'InvalidSpotPrice',
] as const;

/** What to do about an answer, by the beginning of its code. @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
const hints: readonly (readonly [code: RegExp, hint: string])[] = [
  [
    /^AuthFailure$|^InvalidClientTokenId|^SignatureDoesNotMatch/,
    'the credentials are wrong: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or your AWS profile',
  ],
  [/^ExpiredToken|^RequestExpired/, 'log in again (aws sso login), or check the clock of this computer'],
  [
    /^OptInRequired|^Blocked|^PendingVerification/,
    'the account is not ready for EC2: see its page at aws.amazon.com',
  ],
  [
    /^UnauthorizedOperation|^AccessDenied/,
    'whom the credentials belong to may not do this: docs/drivers/amazonec2.md lists the permissions that belt needs',
  ],
  [
    /^(?!Request).*LimitExceeded$|^MaxSpotInstanceCountExceeded/,
    'ask for a higher quota at https://console.aws.amazon.com/servicequotas, or use another region',
  ],
  [
    /^Insufficient(Instance|Host)?Capacity/,
    'AWS has no more of this type in this zone now: run the same command again later, or choose another zone or size',
  ],
  [/^Unsupported$/, 'this zone does not have the type: choose another with --amazonec2-zone'],
  [
    /^SpotMaxPriceTooLow|^InvalidSpotPrice/,
    'raise --amazonec2-spot-price, or take on-demand instances with --amazonec2-spot-fallback',
  ],
  [
    /^InvalidAMIID/,
    'ids of images differ between regions: leave --amazonec2-ami out, or name one of this region',
  ],
  [/^InvalidKeyPair/, 'list yours with: aws ec2 describe-key-pairs'],
  [/^InvalidSubnetID|^InvalidVpcID|^InvalidGroup/, 'it must be there in this region and VPC'],
  [
    /^InvalidInstanceType|^InstanceTypeUnsupported/,
    'list those of the region with: aws ec2 describe-instance-types',
  ],
  [/^InsufficientFreeAddressesInSubnet/, 'choose another subnet with --amazonec2-subnet-id'],
  [
    /^RequestLimitExceeded|^Throttling/,
    'others use up what AWS allows this account: try again, or raise --amazonec2-retries',
  ],
];

/** In the person's terms. Nothing of the request is kept: it holds keys. */
export function explained(error: unknown, region: string): Error {
  if (!(error instanceof Error)) return new ExternalError(messageOf(error));
  if (error instanceof UserError || error instanceof ExternalError) return error;
  if (error.name === 'AbortError') return new AbortError();
  // EC2's own words for wrong credentials are about credentials too: its code comes first.
  if ('$metadata' in error && '$fault' in error) {
    const hint = hints.find(([code]) => code.test(error.name))?.[1];
    return new Ec2Error(
      error.name,
      `EC2 in ${region}: ${error.message} (${error.name})`,
      hint ? { hint } : {},
    );
  }
  if (error.name === 'CredentialsProviderError' || /credential/i.test(error.message)) {
    return new UserError('no AWS credentials were found', {
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; "aws configure" makes a profile, "aws sso login" renews one',
    });
  }
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  const message = error.message.includes(code.slice(0, -2)) ? error.message : `${code}${error.message}`;
  return new ExternalError(`EC2 in ${region} cannot be reached: ${message || error.name}`, {
    hint: 'check the region, the endpoint and the network',
  });
}
