import type { DriverModule } from '../driver.js';
import { engineAtFirstBoot } from '../kit/first-boot.js';

/** Instances of Amazon EC2. Keys, flags and variables are docker-machine's wherever it has one. */
export const driver: DriverModule = {
  name: 'amazonec2',
  summary: 'instances of Amazon EC2',
  settings: [
    {
      key: 'access_key',
      summary:
        'access key id; default: as the aws command finds it (environment, profile, SSO, instance role)',
      type: 'string',
      env: ['AWS_ACCESS_KEY_ID'],
      secret: true,
    },
    {
      key: 'secret_key',
      summary: 'secret access key',
      type: 'string',
      env: ['AWS_SECRET_ACCESS_KEY'],
      secret: true,
    },
    {
      key: 'session_token',
      summary: 'session token of temporary credentials',
      type: 'string',
      env: ['AWS_SESSION_TOKEN'],
      secret: true,
    },
    {
      key: 'region',
      summary: "region; default: your AWS profile's, else us-east-1",
      type: 'string',
      env: ['AWS_DEFAULT_REGION', 'AWS_REGION'],
    },
    {
      key: 'zone',
      summary: 'availability zone: its letter or its whole name',
      type: 'string',
      default: 'a',
      env: ['AWS_ZONE'],
    },
    {
      key: 'vpc_id',
      summary: "VPC; default: the subnet's, or the account's default one",
      type: 'string',
      env: ['AWS_VPC_ID'],
    },
    {
      key: 'subnet_id',
      summary: 'subnet; default: one of the VPC in the zone',
      type: 'string',
      env: ['AWS_SUBNET_ID'],
    },
    {
      key: 'ami',
      summary:
        'image: debian-13, debian-12, ubuntu-24.04, ubuntu-22.04 (the newest of its publisher), or an id',
      type: 'string',
      default: 'debian-13',
      env: ['AWS_AMI'],
    },
    {
      key: 'instance_type',
      summary: 'instance type of machines whose size is not given',
      type: 'string',
      default: 't3.micro',
      env: ['AWS_INSTANCE_TYPE'],
    },
    {
      key: 'architecture',
      summary: 'amd64 or arm64: of the type that is chosen for an amount of memory',
      type: 'string',
      default: 'amd64',
    },
    {
      key: 'keypair_name',
      summary: "key pair of yours that may log in beside the cluster's key; default: the cluster's, imported",
      type: 'string',
      env: ['AWS_KEYPAIR_NAME'],
    },
    {
      key: 'ssh_keypath',
      summary: "private key of that one, to log in with; default: the cluster's own",
      type: 'string',
      env: ['AWS_SSH_KEYPATH'],
    },
    {
      key: 'security_group',
      summary: 'security groups, by name or id; default: one that belt makes for the cluster',
      type: 'list',
      env: ['AWS_SECURITY_GROUP'],
    },
    {
      key: 'security_group_readonly',
      summary: 'leave the rules of security groups as they are',
      type: 'boolean',
      default: false,
      env: ['AWS_SECURITY_GROUP_READONLY'],
    },
    {
      key: 'allow_from',
      summary: 'address ranges that reach SSH, the engine and open ports; "me" is your own public address',
      type: 'list',
      default: ['me'],
    },
    {
      key: 'open_port',
      summary: 'further ports to open, as 80 or 53/udp',
      type: 'list',
    },
    {
      key: 'root_size',
      summary: 'root disk, in GB',
      type: 'integer',
      default: 16,
      env: ['AWS_ROOT_SIZE'],
    },
    {
      key: 'volume_type',
      summary: 'volume type of the root disk',
      type: 'string',
      default: 'gp3',
      env: ['AWS_VOLUME_TYPE'],
    },
    {
      key: 'device_name',
      summary: "name of the root device; default: the image's",
      type: 'string',
      env: ['AWS_DEVICE_NAME'],
    },
    {
      key: 'iam_instance_profile',
      summary: 'IAM instance profile, by name',
      type: 'string',
      env: ['AWS_INSTANCE_PROFILE'],
    },
    {
      key: 'request_spot_instance',
      summary: 'ask for spot capacity',
      type: 'boolean',
      default: false,
    },
    {
      key: 'spot_price',
      summary: 'most to pay an hour for a spot instance, in US dollars; default: the on-demand price',
      type: 'string',
    },
    {
      key: 'spot_fallback',
      summary: 'take on-demand instances where there is no spot capacity',
      type: 'boolean',
      default: false,
    },
    {
      key: 'placement_group',
      summary: 'placement group, by name',
      type: 'string',
    },
    {
      key: 'tenancy',
      summary: 'default or dedicated',
      type: 'string',
      default: 'default',
    },
    {
      key: 'private_address_only',
      summary: 'no public address: belt reaches the private one',
      type: 'boolean',
      default: false,
    },
    {
      key: 'use_private_address',
      summary: 'reach machines at their private address though they have a public one',
      type: 'boolean',
      default: false,
    },
    {
      key: 'monitoring',
      summary: 'detailed monitoring',
      type: 'boolean',
      default: false,
    },
    {
      key: 'use_ebs_optimized_instance',
      summary: 'EBS-optimized instances, for types that are not anyway',
      type: 'boolean',
      default: false,
    },
    {
      key: 'ssh_user',
      summary: "user to log in as; default: the image's own (admin, ubuntu, ec2-user)",
      type: 'string',
      env: ['AWS_SSH_USER'],
    },
    {
      key: 'ssh_port',
      summary: 'port of the SSH server',
      type: 'integer',
      default: 22,
      env: ['AWS_SSH_PORT'],
    },
    {
      key: 'tags',
      summary: 'further tags: key1,value1,key2,value2 or key1=value1',
      type: 'list',
      env: ['AWS_TAGS'],
    },
    {
      key: 'userdata',
      summary: "file with user data to run after belt's own: a script or cloud-config",
      type: 'string',
      env: ['AWS_USERDATA'],
    },
    engineAtFirstBoot,
    {
      key: 'retries',
      summary: 'how often a call that was throttled or lost is tried again',
      type: 'integer',
      default: 5,
    },
    {
      key: 'endpoint',
      summary: "URL of the EC2 API; default: the region's",
      type: 'string',
      env: ['AWS_ENDPOINT_URL_EC2', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT'],
    },
    {
      key: 'insecure_transport',
      summary: 'http instead of https, for an endpoint that is a host alone',
      type: 'boolean',
      default: false,
      env: ['AWS_INSECURE_TRANSPORT'],
    },
  ],
  async open(options) {
    const { openAmazonEc2 } = await import('./amazonec2-driver.js');
    return openAmazonEc2(options);
  },
};
