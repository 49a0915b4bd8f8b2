import { UserError } from '../../base/errors.js';
import { toCidr } from '../../base/ip-addresses.js';
import type { SettingValues } from '../driver.js';
import {
  boolean,
  choice,
  defineSettings,
  integer,
  list,
  matching,
  port,
  secret,
  text,
} from '../kit/define-settings.js';
import { engineAtFirstBoot } from '../kit/first-boot.js';

export const declaredSettings = defineSettings({
  accessKey: secret({
    summary: 'Access key ID (default: as the aws command finds it)',
    env: ['AWS_ACCESS_KEY_ID'],
  }),
  secretKey: secret({
    summary: 'Secret access key',
    env: ['AWS_SECRET_ACCESS_KEY'],
  }),
  sessionToken: secret({
    summary: 'Session token of temporary credentials',
    env: ['AWS_SESSION_TOKEN'],
  }),
  region: text({
    summary: "Region (default: your AWS profile's, or us-east-1)",
    env: ['AWS_DEFAULT_REGION', 'AWS_REGION'],
  }),
  zone: text({
    summary: 'Availability zone, by letter or full name',
    default: 'a',
    env: ['AWS_ZONE'],
  }),
  vpcId: text({
    summary: "VPC (default: the subnet's, or the account's default VPC)",
    env: ['AWS_VPC_ID'],
  }),
  subnetId: text({
    summary: 'Subnet (default: one of the VPC in the zone)',
    env: ['AWS_SUBNET_ID'],
  }),
  ami: text({
    summary: 'Image: debian-13, debian-12, ubuntu-24.04 or ubuntu-22.04 (the latest), or an AMI ID',
    default: 'debian-13',
    env: ['AWS_AMI'],
  }),
  instanceType: text({
    summary: 'Default instance type',
    default: 't3.micro',
    env: ['AWS_INSTANCE_TYPE'],
  }),
  architecture: choice(['amd64', 'arm64'], {
    summary: 'Architecture of types chosen by memory: amd64 or arm64',
    default: 'amd64',
  }),
  keypairName: text({
    summary: "Existing key pair, in addition to the cluster's key (default: the cluster's key, imported)",
    env: ['AWS_KEYPAIR_NAME'],
  }),
  sshKeypath: text({
    summary: "Private key of keypair_name (default: the cluster's key)",
    env: ['AWS_SSH_KEYPATH'],
  }),
  securityGroup: list({
    summary: 'Security groups, by name or ID (default: one that belt creates for the cluster)',
    env: ['AWS_SECURITY_GROUP'],
  }),
  securityGroupReadonly: boolean({
    summary: 'Do not change the rules of security groups',
    default: false,
    env: ['AWS_SECURITY_GROUP_READONLY'],
  }),
  allowFrom: list({
    summary: 'Address ranges that may reach SSH, the engine and open ports; "me" is your public address',
    default: ['me'],
    parse: (ranges) => ranges.map(parseRange),
  }),
  openPort: list({
    summary: 'Additional ports to open, like 80 or 53/udp',
    parse: (ports) => ports.map(parsePort),
  }),
  rootSize: integer({
    summary: 'Size of the root disk, in GB',
    default: 16,
    env: ['AWS_ROOT_SIZE'],
    min: 1,
    max: 65_536,
  }),
  volumeType: text({
    summary: 'Volume type of the root disk',
    default: 'gp3',
    env: ['AWS_VOLUME_TYPE'],
  }),
  deviceName: text({
    summary: "Name of the root device (default: the image's)",
    env: ['AWS_DEVICE_NAME'],
  }),
  iamInstanceProfile: text({
    summary: 'IAM instance profile, by name',
    env: ['AWS_INSTANCE_PROFILE'],
  }),
  requestSpotInstance: boolean({
    summary: 'Request spot instances',
    default: false,
  }),
  spotPrice: text({
    summary: 'Maximum spot price per hour, in US dollars (default: the on-demand price)',
    parse: matching(/^\d+(\.\d+)?$/),
    expected: 'an amount of dollars like 0.05',
  }),
  spotFallback: boolean({
    summary: 'Use on-demand instances if there is no spot capacity',
    default: false,
  }),
  placementGroup: text({
    summary: 'Placement group, by name',
  }),
  tenancy: choice(['default', 'dedicated'], {
    summary: 'Tenancy: default or dedicated',
    default: 'default',
  }),
  privateAddressOnly: boolean({
    summary: 'Create machines without a public address, and connect to the private one',
    default: false,
  }),
  usePrivateAddress: boolean({
    summary: 'Connect to private addresses even if machines have public ones',
    default: false,
  }),
  monitoring: boolean({
    summary: 'Enable detailed monitoring',
    default: false,
  }),
  useEbsOptimizedInstance: boolean({
    summary: 'Create EBS-optimized instances, for types that are not by default',
    default: false,
  }),
  sshUser: text({
    summary: "SSH user (default: the image's: admin, ubuntu or ec2-user)",
    env: ['AWS_SSH_USER'],
  }),
  sshPort: port({
    summary: 'SSH port',
    default: 22,
    env: ['AWS_SSH_PORT'],
  }),
  tags: list({
    summary: 'Additional tags: key1,value1,key2,value2 or key1=value1',
    env: ['AWS_TAGS'],
    parse: parseTags,
  }),
  userdata: text({
    summary: "File with user data to run after belt's: a script or cloud-config",
    env: ['AWS_USERDATA'],
  }),
  engineAtFirstBoot,
  retries: integer({
    summary: 'Retries of calls that are throttled or lost',
    default: 5,
    min: 0,
    max: 100,
  }),
  endpoint: text({
    summary: "URL of the EC2 API (default: the region's)",
    env: ['AWS_ENDPOINT_URL_EC2', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT'],
  }),
  insecureTransport: boolean({
    summary: 'Use http instead of https, for an endpoint without a scheme',
    default: false,
    env: ['AWS_INSECURE_TRANSPORT'],
  }),
});

type DeclaredSettings = ReturnType<typeof declaredSettings.read>;

export type Ec2Settings = ReturnType<typeof readSettings>;

export interface IngressPort {
  port: number;
  protocol: 'tcp' | 'udp';
}

/** @throws UserError for a value that cannot work anywhere */
export function readSettings(values: SettingValues) {
  const { accessKey, secretKey, sessionToken, ...settings } = declaredSettings.read(values);
  const { requestSpotInstance, spotPrice, spotFallback, endpoint, insecureTransport, ...others } = settings;
  if (others.sshKeypath !== undefined && others.keypairName === undefined) {
    throw new UserError('ssh_keypath requires keypair_name, which identifies the key pair', {
      hint: 'omit both to use a key that belt imports for the cluster',
    });
  }
  return {
    ...others,
    credentials: credentialsOf({ accessKey, secretKey, sessionToken }),
    endpoint: endpointOf({ endpoint, insecureTransport }),
    spot: requestSpotInstance ? { price: spotPrice, fallback: spotFallback } : undefined,
  };
}

/** Reads docker-machine's `key1,value1,key2,value2`, and `key=value`. @throws UserError */
export function parseTags(items: readonly string[]): Record<string, string> {
  const tags: Record<string, string> = {};
  const words = [...items];
  for (let key = words.shift(); key !== undefined; key = words.shift()) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(key) ?? [];
    const pair = name === undefined ? { name: key, value: words.shift() } : { name, value };
    if (pair.value === undefined) {
      throw new UserError(`the setting tags has no value for "${pair.name}"`, {
        hint: 'use key1,value1,key2,value2',
      });
    }
    if (/^(aws:|belt)/i.test(pair.name)) throw new UserError(`the tag "${pair.name}" is reserved`);
    tags[pair.name] = pair.value;
  }
  return tags;
}

/** Reads `80`, `53/udp`. @throws UserError */
export function parsePort(written: string): IngressPort {
  const [, digits, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(written) ?? [];
  const port = Number(digits);
  if (port >= 1 && port <= 65_535) return { port, protocol: protocol as IngressPort['protocol'] };
  throw new UserError(`the setting open_port must list ports like 80 or 53/udp, not "${written}"`);
}

/** Reads `me`, an address or a range in CIDR notation. @throws UserError */
function parseRange(written: string): string {
  const range = written === 'me' ? written : toCidr(written);
  if (range !== undefined) return range;
  throw new UserError(
    `the setting allow_from must list "me" or ranges like 198.51.100.0/24, not "${written}"`,
  );
}

function credentialsOf({
  accessKey,
  secretKey,
  sessionToken,
}: Pick<DeclaredSettings, 'accessKey' | 'secretKey' | 'sessionToken'>) {
  if (accessKey === undefined && secretKey === undefined) return undefined;
  if (accessKey === undefined || secretKey === undefined) {
    throw new UserError('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together', {
      hint: 'set both, or use an AWS profile',
    });
  }
  return {
    accessKeyId: accessKey,
    secretAccessKey: secretKey,
    ...(sessionToken !== undefined && { sessionToken }),
  };
}

function endpointOf({
  endpoint,
  insecureTransport,
}: Pick<DeclaredSettings, 'endpoint' | 'insecureTransport'>): string | undefined {
  if (endpoint === undefined && insecureTransport)
    throw new UserError('insecure_transport requires endpoint: AWS regions accept https only');
  if (endpoint === undefined) return undefined;
  const url = withScheme(endpoint, { insecure: insecureTransport });
  if (/^https?:\/\/\S+$/.test(url)) return url;
  throw new UserError(`the setting endpoint must be an http:// or https:// address, not "${endpoint}"`);
}

/** The scheme is optional, as in docker-machine. */
export function withScheme(endpoint: string, { insecure }: { insecure: boolean }): string {
  if (endpoint.includes('://')) return endpoint;
  return `${insecure ? 'http' : 'https'}://${endpoint}`;
}
