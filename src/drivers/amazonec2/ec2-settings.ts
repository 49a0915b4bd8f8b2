import { isIPv4, isIPv6 } from 'node:net';
import { UserError } from '../../base/errors.js';
import type { SettingValues } from '../driver.js';
import { flagOf, integerOf, listOf, textOf } from '../kit/setting-values.js';
import type { Architecture } from './choose-type.js';

export interface Ec2Settings {
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  region?: string;
  endpoint?: string;
  retries: number;
  zone: string;
  vpcId?: string;
  subnetId?: string;
  ami: string;
  instanceType: string;
  architecture: Architecture;
  keypairName?: string;
  /** Private key of that key pair, as the person wrote it: a path. */
  sshKeypath?: string;
  securityGroups: readonly string[];
  securityGroupReadonly: boolean;
  /** `me`, or ranges in CIDR notation. */
  allowFrom: readonly string[];
  openPorts: readonly Port[];
  /** Gigabytes. */
  rootSize: number;
  volumeType: string;
  deviceName?: string;
  iamInstanceProfile?: string;
  spot?: { price?: string; fallback: boolean };
  placementGroup?: string;
  tenancy: 'default' | 'dedicated';
  privateAddressOnly: boolean;
  usePrivateAddress: boolean;
  monitoring: boolean;
  ebsOptimized: boolean;
  sshUser?: string;
  sshPort: number;
  tags: Readonly<Record<string, string>>;
  /** As the person wrote it: a path. */
  userdata?: string;
  engineAtFirstBoot: boolean;
}

export interface Port {
  port: number;
  protocol: 'tcp' | 'udp';
}

/** @throws UserError for a value that cannot work anywhere. */
export function readSettings(values: SettingValues): Ec2Settings {
  const text = (key: string) => textOf(values, key);
  return {
    ...credentialsOf(values),
    ...present('region', text('region')),
    ...present('endpoint', endpointOf(values)),
    retries: integerOf(values, 'retries', { from: 0, to: 100 }) ?? 5,
    zone: text('zone') ?? 'a',
    ...present('vpcId', text('vpc_id')),
    ...present('subnetId', text('subnet_id')),
    ami: text('ami') ?? 'debian-13',
    instanceType: text('instance_type') ?? 't3.micro',
    architecture: oneOf('architecture', text('architecture') ?? 'amd64', ['amd64', 'arm64']),
    ...keysOf(values),
    securityGroups: listOf(values, 'security_group'),
    securityGroupReadonly: flagOf(values, 'security_group_readonly'),
    allowFrom: rangesOf(listOf(values, 'allow_from')),
    openPorts: listOf(values, 'open_port').map(parsePort),
    rootSize: integerOf(values, 'root_size', { from: 1, to: 65_536 }) ?? 16,
    volumeType: text('volume_type') ?? 'gp3',
    ...present('deviceName', text('device_name')),
    ...present('iamInstanceProfile', text('iam_instance_profile')),
    ...present('spot', spotOf(values)),
    ...present('placementGroup', text('placement_group')),
    tenancy: oneOf('tenancy', text('tenancy') ?? 'default', ['default', 'dedicated']),
    privateAddressOnly: flagOf(values, 'private_address_only'),
    usePrivateAddress: flagOf(values, 'use_private_address'),
    monitoring: flagOf(values, 'monitoring'),
    ebsOptimized: flagOf(values, 'use_ebs_optimized_instance'),
    ...present('sshUser', text('ssh_user')),
    sshPort: integerOf(values, 'ssh_port', { from: 1, to: 65_535 }) ?? 22,
    tags: parseTags(listOf(values, 'tags')),
    ...present('userdata', text('userdata')),
    engineAtFirstBoot: flagOf(values, 'engine_at_first_boot'),
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

function rangesOf(items: readonly string[]): readonly string[] {
  if (items.length === 0) return ['me'];
  return items.map((item) => {
    const [address = '', prefix, ...rest] = item.split('/');
    const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
    const fits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= most);
    if (item === 'me') return item;
    if (most > 0 && fits && rest.length === 0) return prefix === undefined ? `${address}/${most}` : item;
    throw new UserError(`the setting allow_from must be "me" or ranges as 198.51.100.0/24, not "${item}"`);
  });
}

function credentialsOf(values: SettingValues): Pick<Ec2Settings, 'credentials'> {
  const accessKeyId = textOf(values, 'access_key');
  const secretAccessKey = textOf(values, 'secret_key');
  if (accessKeyId === undefined && secretAccessKey === undefined) return {};
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new UserError('of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set', {
      hint: 'set both, or neither and use an AWS profile',
    });
  }
  const sessionToken = textOf(values, 'session_token');
  return { credentials: { accessKeyId, secretAccessKey, ...present('sessionToken', sessionToken) } };
}

function spotOf(values: SettingValues): Ec2Settings['spot'] {
  if (!flagOf(values, 'request_spot_instance')) return undefined;
  const price = textOf(values, 'spot_price');
  if (price !== undefined && !/^\d+(\.\d+)?$/.test(price))
    throw new UserError(`the setting spot_price must be dollars as 0.05, not "${price}"`);
  return { fallback: flagOf(values, 'spot_fallback'), ...present('price', price) };
}

function keysOf(values: SettingValues): Pick<Ec2Settings, 'keypairName' | 'sshKeypath'> {
  const keypairName = textOf(values, 'keypair_name');
  const sshKeypath = textOf(values, 'ssh_keypath');
  if (sshKeypath !== undefined && keypairName === undefined) {
    throw new UserError('ssh_keypath needs keypair_name, to tell which key pair it is of', {
      hint: 'without both, belt makes and imports a key for the cluster',
    });
  }
  return { ...present('keypairName', keypairName), ...present('sshKeypath', sshKeypath) };
}

function endpointOf(values: SettingValues): string | undefined {
  const written = textOf(values, 'endpoint');
  const insecure = flagOf(values, 'insecure_transport');
  if (written === undefined && insecure)
    throw new UserError('insecure_transport needs endpoint: regions speak https only');
  if (written === undefined) return undefined;
  const endpoint = withScheme(written, { insecure });
  if (/^https?:\/\/\S+$/.test(endpoint)) return endpoint;
  throw new UserError(`the setting endpoint must be a http:// or https:// address, not "${written}"`);
}

/** An endpoint may be a host alone, as docker-machine took it. */
export function withScheme(endpoint: string, { insecure }: { insecure: boolean }): string {
  if (endpoint.includes('://')) return endpoint;
  return `${insecure ? 'http' : 'https'}://${endpoint}`;
}

function oneOf<T extends string>(key: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found) return found;
  throw new UserError(`the setting ${key} must be ${allowed.join(' or ')}, not "${value}"`);
}

function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
