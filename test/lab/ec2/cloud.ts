import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type Guests, startGuests } from './guests.js';
import { startMoto } from './moto.js';
import { type Call, type Ec2, type Instance, launchedIn, startProxy, valuesOf } from './proxy.js';
import { makeSubnet, openAccount } from './vpc.js';

/**
 * moto with a guest behind each instance, at the private address that moto assigned, and a metadata
 * service.
 */
export interface Cloud {
  ec2: Ec2;
  /** In the guests' network. */
  subnet: string;
  /** Waits until no guest is starting or stopping. @throws the first failure of a guest */
  waitUntilIdle(): Promise<void>;
  dispose(): Promise<void>;
}

export async function startCloud(): Promise<Cloud> {
  const moto = await startMoto();
  const ec2 = await startProxy(moto.url);
  const guests = await startGuests();
  const account = openAccount(moto.url);
  const subnet = await makeSubnet(account, guests.network);
  account.destroy();
  const instances: Instance[] = [];
  const metadata = await startMetadata(guests.bridge, instances);
  const works = new Map<string, Promise<void>>();

  /** Runs the operations of each guest one after another, as the provider queues them. */
  const queue = (id: string, work: () => Promise<void>): void => {
    works.set(id, (works.get(id) ?? Promise.resolve()).then(work));
    works.get(id)?.catch(() => {});
  };
  ec2.after(async (call, answer) => {
    if (call.action === 'RunInstances') {
      const launched = launchedIn(answer);
      instances.push(...launched);
      for (const one of launched) queue(one.id, () => boot(guests, one, call));
      return;
    }
    if (call.action === 'RebootInstances') {
      // The response lists no instances and arrives before they stop.
      for (const [key, id] of call.params)
        if (key.startsWith('InstanceId.')) queue(id, () => reboot(guests, id));
      return;
    }
    const verb = verbs[call.action]?.(call);
    if (!verb) return;
    for (const id of new Set(valuesOf(answer, 'instanceId'))) queue(id, () => guests[verb](id));
    // moto reports them as stopped at once, so wait until they are.
    if (verb !== 'start') await Promise.all(works.values());
  });
  return {
    ec2,
    subnet,
    waitUntilIdle: async () => void (await Promise.all(works.values())),
    async dispose() {
      await Promise.allSettled(works.values());
      await guests.dispose();
      await metadata.close();
      await ec2.close();
      await moto.stop();
    },
  };
}

type Verb = 'start' | 'stop' | 'kill' | 'remove';

const verbs: Readonly<Record<string, (call: Call) => Verb>> = {
  StartInstances: () => 'start',
  StopInstances: ({ params }) => (params.get('Force') === 'true' ? 'kill' : 'stop'),
  TerminateInstances: () => 'remove',
};

async function reboot(guests: Guests, id: string): Promise<void> {
  await guests.stop(id);
  await guests.start(id);
}

/** The image is a Debian, so its user is admin. Only the user data contains belt's keys. */
function boot(guests: Guests, { id, address }: Instance, { params }: Call): Promise<void> {
  const userData = gunzipSync(Buffer.from(params.get('UserData') ?? '', 'base64')).toString();
  return guests.boot({ id, address, firstBoot: { userData, defaultUser: 'admin', authorizedKeys: [] } });
}

/**
 * A replacement for the instance metadata service, version 2 only: a token by PUT, then the
 * metadata of the caller. A rule for the guests' bridge redirects EC2's address, 169.254.169.254.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
async function startMetadata(
  bridge: string,
  instances: readonly Instance[],
): Promise<{ close(): Promise<void> }> {
  const token = 'lab-metadata-token';
  const server = createServer((request, response) => {
    const from = request.socket.remoteAddress?.replace('::ffff:', '');
    const instance = instances.find(({ address }) => address === from);
    const { method, url, headers } = request;
    if (method === 'PUT' && url === '/latest/api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds'])
      response.end(token);
    else if (headers['x-aws-ec2-metadata-token'] !== token) response.writeHead(401).end();
    else if (instance && url === '/latest/meta-data/ami-launch-index') response.end(String(instance.index));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as AddressInfo;
  const rule = (verb: string) =>
    execFileSync('iptables', [
      ...['-w', '-t', 'nat', verb, 'PREROUTING', '-i', bridge, '-d', '169.254.169.254/32'],
      ...['-p', 'tcp', '--dport', '80', '-j', 'REDIRECT', '--to-ports', String(port)],
    ]);
  rule('-I');
  return {
    async close() {
      rule('-D');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
