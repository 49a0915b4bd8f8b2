import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  type Filter,
  type IpPermission,
  type SecurityGroup,
  type Subnet,
} from '@aws-sdk/client-ec2';
import { ExternalError, messageOf, UserError } from '../../base/errors.js';
import { type Api, looks } from './ec2-api.js';
import { isCode } from './ec2-errors.js';
import type { Ec2Settings, Port } from './ec2-settings.js';
import { type Cluster, clusterTags, reachFor } from './instances.js';

export interface Place {
  subnetId: string;
  vpcId: string;
}

/** ESP, a protocol without ports (-1): the packets of encrypted overlay networks. */
const esp: IpPermission = { IpProtocol: '50', FromPort: -1, ToPort: -1 };

/**
 * What only machines of the same group reach.
 * @see https://docs.docker.com/engine/swarm/swarm-tutorial/
 * @see https://docs.docker.com/engine/network/drivers/overlay/#encrypt-traffic-on-an-overlay-network
 */
const swarmTraffic: readonly IpPermission[] = [
  permission({ port: 2377, protocol: 'tcp' }),
  permission({ port: 7946, protocol: 'tcp' }),
  permission({ port: 7946, protocol: 'udp' }),
  permission({ port: 4789, protocol: 'udp' }),
  esp,
];

const enginePort = 2376;

/** How long a new group may be unknown to the rest of EC2. */
const visibleTimeoutMs = 60_000;

/** The subnet that the settings name, or one of the VPC in the zone. @throws UserError when there is none */
export async function findPlace(api: Api, settings: Ec2Settings, signal: AbortSignal): Promise<Place> {
  const { vpcId, subnetId } = settings;
  const command = new DescribeSubnetsCommand(
    subnetId === undefined ? { Filters: subnetFilters(api, settings) } : { SubnetIds: [subnetId] },
  );
  const { Subnets = [] } = await api.client.send(command, { abortSignal: signal });
  const subnet = Subnets.sort(byFreeAddresses)[0];
  if (!subnet?.SubnetId || !subnet.VpcId) {
    const zone = zoneName(api, settings.zone);
    throw new UserError(`${vpcId ?? 'the default VPC'} has no subnet in ${zone}`, {
      hint: 'choose another with --amazonec2-zone, or name one with --amazonec2-subnet-id',
    });
  }
  if (vpcId !== undefined && vpcId !== subnet.VpcId)
    throw new UserError(`the subnet ${subnet.SubnetId} is in ${subnet.VpcId}, not in ${vpcId}`);
  return { subnetId: subnet.SubnetId, vpcId: subnet.VpcId };
}

function subnetFilters(api: Api, { vpcId, zone }: Ec2Settings): Filter[] {
  return [
    { Name: 'availability-zone', Values: [zoneName(api, zone)] },
    vpcId === undefined ? { Name: 'default-for-az', Values: ['true'] } : { Name: 'vpc-id', Values: [vpcId] },
  ];
}

/** docker-machine's setting is the letter alone. */
export function zoneName({ region }: Pick<Api, 'region'>, zone: string): string {
  return zone.length === 1 ? `${region}${zone}` : zone;
}

function byFreeAddresses(one: Subnet, other: Subnet): number {
  const free = (other.AvailableIpAddressCount ?? 0) - (one.AvailableIpAddressCount ?? 0);
  return free || ((one.SubnetId ?? '') < (other.SubnetId ?? '') ? -1 : 1);
}

/** The name of the group that belt makes for a cluster; two clusters of the same name stay apart. */
function ownGroupName({ name, id }: Cluster): string {
  return `belt-${name}-${id.slice(0, 8)}`;
}

/**
 * The security groups of new machines, by id: made where they are missing, and with the rules that belt needs unless they are to
 * stay as they are.
 */
export async function ensureGroups(
  api: Api,
  settings: Ec2Settings,
  { vpcId }: Place,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<string[]> {
  const wanted = settings.securityGroup.length > 0 ? settings.securityGroup : [ownGroupName(cluster)];
  const present = await groupsOf(api, vpcId, signal);
  const ranges = settings.securityGroupReadonly ? [] : await allowedRanges(api, settings, vpcId, signal);
  const ids: string[] = [];
  for (const name of wanted) {
    const found = present.find(({ GroupId, GroupName }) => GroupId === name || GroupName === name);
    if (!found && name.startsWith('sg-')) throw new UserError(`${vpcId} has no security group ${name}`);
    const group = found ?? (await makeGroup(api, name, vpcId, cluster, signal));
    if (!settings.securityGroupReadonly) await openPorts(api, group, settings, ranges, signal);
    ids.push(group.GroupId ?? '');
  }
  return ids;
}

async function groupsOf({ client }: Api, vpcId: string, signal: AbortSignal): Promise<SecurityGroup[]> {
  const command = new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpcId] }] });
  return (await client.send(command, { abortSignal: signal })).SecurityGroups ?? [];
}

/** Another belt may be making it at the same time: whoever comes second takes the first one's. */
async function makeGroup(
  api: Api,
  name: string,
  vpcId: string,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<SecurityGroup> {
  try {
    await api.client.send(
      new CreateSecurityGroupCommand({
        GroupName: name,
        Description: `belt: machines of the cluster ${cluster.name}`,
        VpcId: vpcId,
        TagSpecifications: [{ ResourceType: 'security-group', Tags: clusterTags(cluster) }],
      }),
      { abortSignal: signal },
    );
  } catch (error) {
    if (!isCode(error, 'InvalidGroup.Duplicate')) throw error;
  }
  for await (const _ of looks({ timeoutMs: visibleTimeoutMs, signal })) {
    const made = (await groupsOf(api, vpcId, signal)).find(({ GroupName }) => GroupName === name);
    if (made) return made;
  }
  throw new ExternalError(`EC2 made the security group ${name}, and does not know of it`);
}

async function openPorts(
  { client }: Api,
  group: SecurityGroup,
  settings: Ec2Settings,
  ranges: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const missing = missingPermissions(group, settings, ranges);
  if (missing.length === 0) return;
  try {
    await client.send(
      new AuthorizeSecurityGroupIngressCommand({ GroupId: group.GroupId, IpPermissions: missing }),
      { abortSignal: signal },
    );
  } catch (error) {
    // Another belt was as fast.
    if (!isCode(error, 'InvalidPermission.Duplicate')) throw error;
  }
}

/** What is to be added to a group; a rule that it has is never sent again, as one such rule fails them all. */
export function missingPermissions(
  { GroupId, IpPermissions = [] }: SecurityGroup,
  { sshPort, openPort: further }: Pick<Ec2Settings, 'sshPort' | 'openPort'>,
  ranges: readonly string[],
): IpPermission[] {
  const outside: Port[] = [
    { port: sshPort, protocol: 'tcp' },
    { port: enginePort, protocol: 'tcp' },
    ...further,
  ];
  const inside = swarmTraffic
    .filter((traffic) => !rulesFor(IpPermissions, traffic).some((rule) => isWithin(rule, GroupId)))
    .map((traffic) => ({ ...traffic, UserIdGroupPairs: [{ GroupId }] }));
  const open = outside.map(permission).flatMap((traffic) => {
    const known = rulesFor(IpPermissions, traffic).flatMap(rangesOfRule);
    const absent = ranges.filter((range) => !known.includes(range));
    return absent.length === 0 ? [] : [{ ...traffic, ...rangesFor(absent) }];
  });
  return [...inside, ...open];
}

function permission({ port, protocol }: Port): IpPermission {
  return { IpProtocol: protocol, FromPort: port, ToPort: port };
}

/** Of a protocol without ports, EC2 tells what it likes for them, or nothing. */
function rulesFor(rules: readonly IpPermission[], traffic: IpPermission): IpPermission[] {
  const same = rules.filter(({ IpProtocol }) => IpProtocol === traffic.IpProtocol);
  if (traffic.FromPort === -1) return same;
  return same.filter(({ FromPort, ToPort }) => FromPort === traffic.FromPort && ToPort === traffic.ToPort);
}

function isWithin({ UserIdGroupPairs = [] }: IpPermission, groupId: string | undefined): boolean {
  return UserIdGroupPairs.some((pair) => pair.GroupId === groupId);
}

function rangesOfRule({ IpRanges = [], Ipv6Ranges = [] }: IpPermission): string[] {
  return [...IpRanges.map(({ CidrIp = '' }) => CidrIp), ...Ipv6Ranges.map(({ CidrIpv6 = '' }) => CidrIpv6)];
}

function rangesFor(ranges: readonly string[]): Pick<IpPermission, 'IpRanges' | 'Ipv6Ranges'> {
  const v4 = ranges.filter((range) => !range.includes(':')).map((CidrIp) => ({ CidrIp }));
  const v6 = ranges.filter((range) => range.includes(':')).map((CidrIpv6) => ({ CidrIpv6 }));
  return { ...(v4.length > 0 && { IpRanges: v4 }), ...(v6.length > 0 && { Ipv6Ranges: v6 }) };
}

/** Machines are reached at their private addresses from inside the VPC, where one's public address says nothing. */
async function allowedRanges(
  api: Api,
  settings: Ec2Settings,
  vpcId: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { allowFrom } = settings;
  const told = allowFrom.filter((range) => range !== 'me');
  if (told.length === allowFrom.length) return told;
  const isPrivate = reachFor(settings) === 'private';
  return [...told, ...(isPrivate ? await rangesOfVpc(api, vpcId, signal) : [await myAddress(signal)])];
}

async function rangesOfVpc({ client }: Api, vpcId: string, signal: AbortSignal): Promise<string[]> {
  const { Vpcs = [] } = await client.send(new DescribeVpcsCommand({ VpcIds: [vpcId] }), {
    abortSignal: signal,
  });
  return Vpcs.flatMap(({ CidrBlock }) => CidrBlock ?? []);
}

/** AWS's own service for it. */
const addressService = 'https://checkip.amazonaws.com/';

async function myAddress(signal: AbortSignal): Promise<string> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
    const text = (await (await fetch(addressService, { signal: limit })).text()).trim();
    if (/^[\d.]{7,15}$/.test(text)) return `${text}/32`;
    throw new Error(`it answered ${JSON.stringify(text.slice(0, 40))}`);
  } catch (error) {
    throw new ExternalError(`${addressService} does not say which address you have: ${messageOf(error)}`, {
      hint: 'say who may reach the machines: --amazonec2-allow-from 198.51.100.7/32',
    });
  }
}
