import { isIPv4, isIPv6 } from 'node:net';
import { UserError } from '../../base/errors.js';
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
    summary: 'access key id; default: as the aws command finds it (environment, profile, SSO, instance role)',
    env: ['AWS_ACCESS_KEY_ID'],
  }),
  secretKey: secret({
    summary: 'secret access key',
    env: ['AWS_SECRET_ACCESS_KEY'],
  }),
  sessionToken: secret({
    summary: 'session token of temporary credentials',
    env: ['AWS_SESSION_TOKEN'],
  }),
  region: text({
    summary: "region; default: your AWS profile's, else us-east-1",
    env: ['AWS_DEFAULT_REGION', 'AWS_REGION'],
  }),
  zone: text({
    summary: 'availability zone: its letter or its whole name',
    default: 'a',
    env: ['AWS_ZONE'],
  }),
  vpcId: text({
    summary: "VPC; default: the subnet's, or the account's default one",
    env: ['AWS_VPC_ID'],
  }),
  subnetId: text({
    summary: 'subnet; default: one of the VPC in the zone',
    env: ['AWS_SUBNET_ID'],
  }),
  ami: text({
    summary:
      'image: debian-13, debian-12, ubuntu-24.04, ubuntu-22.04 (the newest of its publisher), or an id',
    default: 'debian-13',
    env: ['AWS_AMI'],
  }),
  instanceType: text({
    summary: 'instance type of machines whose size is not given',
    default: 't3.micro',
    env: ['AWS_INSTANCE_TYPE'],
  }),
  architecture: choice(['amd64', 'arm64'], {
    summary: 'amd64 or arm64: of the type that is chosen for an amount of memory',
    default: 'amd64',
  }),
  keypairName: text({
    summary: "key pair of yours that may log in beside the cluster's key; default: the cluster's, imported",
    env: ['AWS_KEYPAIR_NAME'],
  }),
  sshKeypath: text({
    summary: "private key of that one, to log in with; default: the cluster's own",
    env: ['AWS_SSH_KEYPATH'],
  }),
  securityGroup: list({
    summary: 'security groups, by name or id; default: one that belt makes for the cluster',
    env: ['AWS_SECURITY_GROUP'],
  }),
  securityGroupReadonly: boolean({
    summary: 'leave the rules of security groups as they are',
    default: false,
    env: ['AWS_SECURITY_GROUP_READONLY'],
  }),
  allowFrom: list({
    summary: 'address ranges that reach SSH, the engine and open ports; "me" is your own public address',
    default: ['me'],
    parse: (ranges) => ranges.map(parseRange),
  }),
  openPort: list({
    summary: 'further ports to open, as 80 or 53/udp',
    parse: (ports) => ports.map(parsePort),
  }),
  rootSize: integer({
    summary: 'root disk, in GB',
    default: 16,
    env: ['AWS_ROOT_SIZE'],
    min: 1,
    max: 65_536,
  }),
  volumeType: text({
    summary: 'volume type of the root disk',
    default: 'gp3',
    env: ['AWS_VOLUME_TYPE'],
  }),
  deviceName: text({
    summary: "name of the root device; default: the image's",
    env: ['AWS_DEVICE_NAME'],
  }),
  iamInstanceProfile: text({
    summary: 'IAM instance profile, by name',
    env: ['AWS_INSTANCE_PROFILE'],
  }),
  requestSpotInstance: boolean({
    summary: 'ask for spot capacity',
    default: false,
  }),
  spotPrice: text({
    summary: 'most to pay an hour for a spot instance, in US dollars; default: the on-demand price',
    parse: matching(/^\d+(\.\d+)?$/),
    expected: 'dollars as 0.05',
  }),
  spotFallback: boolean({
    summary: 'take on-demand instances where there is no spot capacity',
    default: false,
  }),
  placementGroup: text({
    summary: 'placement group, by name',
  }),
  tenancy: choice(['default', 'dedicated'], {
    summary: 'default or dedicated',
    default: 'default',
  }),
  privateAddressOnly: boolean({
    summary: 'no public address: belt reaches the private one',
    default: false,
  }),
  usePrivateAddress: boolean({
    summary: 'reach machines at their private address though they have a public one',
    default: false,
  }),
  monitoring: boolean({
    summary: 'detailed monitoring',
    default: false,
  }),
  useEbsOptimizedInstance: boolean({
    summary: 'EBS-optimized instances, for types that are not anyway',
    default: false,
  }),
  sshUser: text({
    summary: "user to log in as; default: the image's own (admin, ubuntu, ec2-user)",
    env: ['AWS_SSH_USER'],
  }),
  sshPort: port({
    summary: 'port of the SSH server',
    default: 22,
    env: ['AWS_SSH_PORT'],
  }),
  tags: list({
    summary: 'further tags: key1,value1,key2,value2 or key1=value1',
    env: ['AWS_TAGS'],
    parse: parseTags,
  }),
  userdata: text({
    summary: "file with user data to run after belt's own: a script or cloud-config",
    env: ['AWS_USERDATA'],
  }),
  engineAtFirstBoot,
  retries: integer({
    summary: 'how often a call that was throttled or lost is tried again',
    default: 5,
    min: 0,
    max: 100,
  }),
  endpoint: text({
    summary: "URL of the EC2 API; default: the region's",
    env: ['AWS_ENDPOINT_URL_EC2', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT'],
  }),
  insecureTransport: boolean({
    summary: 'http instead of https, for an endpoint that is a host alone',
    default: false,
    env: ['AWS_INSECURE_TRANSPORT'],
  }),
});

type DeclaredSettings = ReturnType<typeof declaredSettings.read>;

export type Ec2Settings = ReturnType<typeof readSettings>;

export interface Port {
  port: number;
  protocol: 'tcp' | 'udp';
}

/** @throws UserError for a value that cannot work anywhere */
export function readSettings(values: SettingValues) {
  const { accessKey, secretKey, sessionToken, ...settings } = declaredSettings.read(values);
  const { requestSpotInstance, spotPrice, spotFallback, endpoint, insecureTransport, ...others } = settings;
  if (others.sshKeypath !== undefined && others.keypairName === undefined) {
    throw new UserError('ssh_keypath needs keypair_name, to tell which key pair it is of', {
      hint: 'without both, belt makes and imports a key for the cluster',
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
        hint: 'as in: key1,value1,key2,value2',
      });
    }
    if (/^(aws:|belt)/i.test(pair.name)) throw new UserError(`the tag "${pair.name}" is not for you to set`);
    tags[pair.name] = pair.value;
  }
  return tags;
}

/** Reads `80`, `53/udp`. @throws UserError */
export function parsePort(written: string): Port {
  const [, digits, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(written) ?? [];
  const port = Number(digits);
  if (port >= 1 && port <= 65_535) return { port, protocol: protocol as Port['protocol'] };
  throw new UserError(`the setting open_port must be ports as 80 or 53/udp, not "${written}"`);
}

/** Reads `me`, an address or a range in CIDR notation. @throws UserError */
function parseRange(written: string): string {
  if (written === 'me') return written;
  const [address = '', prefix, ...rest] = written.split('/');
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  const fits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= most);
  if (most > 0 && fits && rest.length === 0) return prefix === undefined ? `${address}/${most}` : written;
  throw new UserError(`the setting allow_from must be "me" or ranges as 198.51.100.0/24, not "${written}"`);
}

function credentialsOf({
  accessKey,
  secretKey,
  sessionToken,
}: Pick<DeclaredSettings, 'accessKey' | 'secretKey' | 'sessionToken'>) {
  if (accessKey === undefined && secretKey === undefined) return undefined;
  if (accessKey === undefined || secretKey === undefined) {
    throw new UserError('of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set', {
      hint: 'set both, or neither and use an AWS profile',
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
    throw new UserError('insecure_transport needs endpoint: regions speak https only');
  if (endpoint === undefined) return undefined;
  const url = withScheme(endpoint, { insecure: insecureTransport });
  if (/^https?:\/\/\S+$/.test(url)) return url;
  throw new UserError(`the setting endpoint must be a http:// or https:// address, not "${endpoint}"`);
}

/** An endpoint may be a host alone, as docker-machine took it. */
export function withScheme(endpoint: string, { insecure }: { insecure: boolean }): string {
  if (endpoint.includes('://')) return endpoint;
  return `${insecure ? 'http' : 'https'}://${endpoint}`;
}
