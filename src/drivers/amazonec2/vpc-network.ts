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
import { Pending, poll } from '../../base/poll.js';
import { withTimeout } from '../../base/with-timeout.js';
import type { ClusterRef } from '../driver.js';
import { type Ec2Api, pollIntervalMs } from './ec2-api.js';
import { isCode } from './ec2-errors.js';
import type { Ec2Settings, IngressPort } from './ec2-settings.js';
import { addressKindFor, clusterTags } from './instances.js';

export interface SubnetRef {
  subnetId: string;
  vpcId: string;
}

/** ESP, for encrypted overlay networks; -1: it has no ports. */
const esp: IpPermission = { IpProtocol: '50', FromPort: -1, ToPort: -1 };

/**
 * Allowed only between machines of the group.
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

/** How long EC2 may not list a new group. */
const visibleTimeoutMs = 60_000;

/** The configured subnet, or one of the VPC in the zone. @throws UserError when there is none */
export async function findSubnet(
  api: Ec2Api,
  settings: Ec2Settings,
  signal: AbortSignal,
): Promise<SubnetRef> {
  const { vpcId, subnetId } = settings;
  const command = new DescribeSubnetsCommand(
    subnetId === undefined ? { Filters: subnetFilters(api, settings) } : { SubnetIds: [subnetId] },
  );
  const { Subnets = [] } = await api.client.send(command, { abortSignal: signal });
  const subnet = Subnets.sort(byFreeAddresses)[0];
  if (!subnet?.SubnetId || !subnet.VpcId) {
    const zone = zoneName(api, settings.zone);
    throw new UserError(`${vpcId ?? 'the default VPC'} has no subnet in ${zone}`, {
      hint: 'choose another zone with --amazonec2-zone, or a subnet with --amazonec2-subnet-id',
    });
  }
  if (vpcId !== undefined && vpcId !== subnet.VpcId)
    throw new UserError(`the subnet ${subnet.SubnetId} is in ${subnet.VpcId}, not in ${vpcId}`);
  return { subnetId: subnet.SubnetId, vpcId: subnet.VpcId };
}

function subnetFilters(api: Ec2Api, { vpcId, zone }: Ec2Settings): Filter[] {
  return [
    { Name: 'availability-zone', Values: [zoneName(api, zone)] },
    vpcId === undefined ? { Name: 'default-for-az', Values: ['true'] } : { Name: 'vpc-id', Values: [vpcId] },
  ];
}

/** A single letter, as in docker-machine, is a zone of the region. */
export function zoneName({ region }: Pick<Ec2Api, 'region'>, zone: string): string {
  return zone.length === 1 ? `${region}${zone}` : zone;
}

function byFreeAddresses(one: Subnet, other: Subnet): number {
  const free = (other.AvailableIpAddressCount ?? 0) - (one.AvailableIpAddressCount ?? 0);
  return free || ((one.SubnetId ?? '') < (other.SubnetId ?? '') ? -1 : 1);
}

/** The id keeps clusters with the same name apart. */
function ownGroupName({ name, id }: ClusterRef): string {
  return `belt-${name}-${id.slice(0, 8)}`;
}

export async function ensureGroups(
  api: Ec2Api,
  settings: Ec2Settings,
  { vpcId }: SubnetRef,
  cluster: ClusterRef,
  signal: AbortSignal,
): Promise<string[]> {
  const wanted = settings.securityGroup.length > 0 ? settings.securityGroup : [ownGroupName(cluster)];
  const present = await groupsOf(api, vpcId, signal);
  const ranges = settings.securityGroupReadonly ? [] : await allowedRanges(api, settings, vpcId, signal);
  const ids: string[] = [];
  for (const name of wanted) {
    const found = present.find(({ GroupId, GroupName }) => GroupId === name || GroupName === name);
    if (!found && name.startsWith('sg-')) throw new UserError(`${vpcId} has no security group ${name}`);
    const group = found ?? (await createGroup(api, name, vpcId, cluster, signal));
    if (!settings.securityGroupReadonly) await openPorts(api, group, settings, ranges, signal);
    ids.push(group.GroupId ?? '');
  }
  return ids;
}

async function groupsOf({ client }: Ec2Api, vpcId: string, signal: AbortSignal): Promise<SecurityGroup[]> {
  const command = new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpcId] }] });
  return (await client.send(command, { abortSignal: signal })).SecurityGroups ?? [];
}

/** Another belt process may create the group at the same time: then that one is used. */
async function createGroup(
  api: Ec2Api,
  name: string,
  vpcId: string,
  cluster: ClusterRef,
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
  const find = async () => {
    const groups = await groupsOf(api, vpcId, signal);
    const group = groups.find(({ GroupName }) => GroupName === name);
    return group ?? new Pending(`EC2 created the security group ${name} but does not list it`);
  };
  return poll(find, { timeoutMs: visibleTimeoutMs, intervalMs: pollIntervalMs, signal });
}

async function openPorts(
  { client }: Ec2Api,
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
    if (!isCode(error, 'InvalidPermission.Duplicate')) throw error;
  }
}

/** The rules that a group lacks; sending an existing one would fail the call for all. */
export function missingPermissions(
  { GroupId, IpPermissions = [] }: SecurityGroup,
  { sshPort, openPort: additional }: Pick<Ec2Settings, 'sshPort' | 'openPort'>,
  ranges: readonly string[],
): IpPermission[] {
  const outside: IngressPort[] = [
    { port: sshPort, protocol: 'tcp' },
    { port: enginePort, protocol: 'tcp' },
    ...additional,
  ];
  const inside = swarmTraffic
    .filter((traffic) => !rulesFor(IpPermissions, traffic).some((rule) => isWithin(rule, GroupId)))
    .map((traffic) => ({ ...traffic, UserIdGroupPairs: [{ GroupId }] }));
  const open = outside.map(permission).flatMap((traffic) => {
    const known = rulesFor(IpPermissions, traffic).flatMap(rangesOfRule);
    const missing = ranges.filter((range) => !known.includes(range));
    return missing.length === 0 ? [] : [{ ...traffic, ...rangesFor(missing) }];
  });
  return [...inside, ...open];
}

function permission({ port, protocol }: IngressPort): IpPermission {
  return { IpProtocol: protocol, FromPort: port, ToPort: port };
}

/** For a protocol without ports, EC2 returns arbitrary ports or none. */
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

/** With private addresses, `me` is the VPC: belt connects from inside it. */
async function allowedRanges(
  api: Ec2Api,
  settings: Ec2Settings,
  vpcId: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { allowFrom } = settings;
  const ranges = allowFrom.filter((range) => range !== 'me');
  if (ranges.length === allowFrom.length) return ranges;
  const isPrivate = addressKindFor(settings) === 'private';
  return [...ranges, ...(isPrivate ? await rangesOfVpc(api, vpcId, signal) : [await myAddress(signal)])];
}

async function rangesOfVpc({ client }: Ec2Api, vpcId: string, signal: AbortSignal): Promise<string[]> {
  const { Vpcs = [] } = await client.send(new DescribeVpcsCommand({ VpcIds: [vpcId] }), {
    abortSignal: signal,
  });
  return Vpcs.flatMap(({ CidrBlock }) => CidrBlock ?? []);
}

const addressService = 'https://checkip.amazonaws.com/';

async function myAddress(signal: AbortSignal): Promise<string> {
  try {
    const request = async (limit: AbortSignal) => (await fetch(addressService, { signal: limit })).text();
    const text = (await withTimeout(10_000, signal, request)).trim();
    if (/^[\d.]{7,15}$/.test(text)) return `${text}/32`;
    throw new Error(`unexpected response ${JSON.stringify(text.slice(0, 40))}`);
  } catch (error) {
    throw new ExternalError(`cannot get your public address from ${addressService}: ${messageOf(error)}`, {
      hint: 'set --amazonec2-allow-from, for example to 198.51.100.7/32',
    });
  }
}
