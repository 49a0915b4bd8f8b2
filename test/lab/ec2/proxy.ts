import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/**
 * `throttled`: RequestLimitExceeded; `unknown`: InvalidInstanceID.NotFound; `lost`: the call
 * succeeds but the response never arrives; `full`: capacity for only `room` instances; `blind`:
 * lists omit existing resources; `refused`: UnauthorizedOperation.
 */
export interface Fault {
  action: string;
  kind: 'throttled' | 'unknown' | 'lost' | 'full' | 'blind' | 'refused';
  times: number;
  /** For `full`. */
  room?: number;
}

export interface Call {
  action: string;
  params: URLSearchParams;
}

export interface Instance {
  id: string;
  address: string;
  index: number;
}

/**
 * A proxy in front of moto that adds what EC2 does and moto does not: client tokens, the limit on
 * user data, checks of counts, type changes only while stopped, no stop for spot instances, and, on
 * demand, EC2's faults.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
export interface Ec2 {
  readonly url: string;
  /** In order, including calls that failed. */
  readonly calls: Call[];
  count(action: string): number;
  fail(fault: Fault): void;
  /** Clears all faults. */
  forgive(): void;
  /** `listener` runs when moto has executed a call, before the response is sent. */
  after(listener: (call: Call, answer: string) => Promise<void>): void;
  close(): Promise<void>;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const mostUserData = 16 * 1024;

export async function startProxy(moto: string): Promise<Ec2> {
  const calls: Call[] = [];
  const faults: Fault[] = [];
  const launches = new Map<string, { asked: string; answer: string }>();
  let listener: (call: Call, answer: string) => Promise<void> = async () => {};

  const take = (action: string, ...kinds: Fault['kind'][]): Fault | undefined => {
    const fault = faults.find((one) => one.action === action && one.times > 0 && kinds.includes(one.kind));
    if (fault) fault.times -= 1;
    return fault;
  };

  async function answerTo(call: Call, request: IncomingMessage): Promise<string> {
    const { action, params } = call;
    if (take(action, 'throttled')) throw new Refusal(503, 'RequestLimitExceeded', 'Request limit exceeded.');
    if (take(action, 'refused'))
      throw new Refusal(403, 'UnauthorizedOperation', 'You are not authorized to perform this operation.');
    if (take(action, 'unknown'))
      throw new Refusal(400, 'InvalidInstanceID.NotFound', `The instance IDs do not exist`);
    if (action !== 'RunInstances') return carryOut(call, request);
    const token = params.get('ClientToken') ?? '';
    const known = launches.get(token);
    if (known?.asked === String(params)) return known.answer;
    if (known)
      throw new Refusal(400, 'IdempotentParameterMismatch', `The token ${token} was used otherwise.`);
    const asked = String(params);
    refuseWrongLaunch(params);
    const full = take(action, 'full');
    if (full?.room === 0)
      throw new Refusal(500, 'InsufficientInstanceCapacity', 'We currently do not have sufficient capacity.');
    // moto launches MinCount.
    const count = String(full?.room ?? params.get('MaxCount'));
    const forwarded = new URLSearchParams(asked);
    for (const name of ['MinCount', 'MaxCount']) forwarded.set(name, count);
    const answer = await carryOut({ action, params: forwarded }, request);
    launches.set(token, { asked, answer });
    return answer;
  }

  async function carryOut(call: Call, request: IncomingMessage): Promise<string> {
    if (call.action === 'ModifyInstanceAttribute') await refuseWhileOn(call, request);
    if (call.action === 'StopInstances') await refuseForSpot(call, request);
    const answer = await ask(call.params, request);
    await listener(call, answer);
    return take(call.action, 'blind')
      ? answer.replace(/<reservationSet>.*<\/reservationSet>/s, '<reservationSet/>')
      : answer;
  }

  async function ask(params: URLSearchParams, request: IncomingMessage): Promise<string> {
    const { host: _, 'content-length': __, connection: ___, ...headers } = request.headers;
    const reply = await fetch(moto, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: String(params),
    });
    const answer = await reply.text();
    if (reply.ok) return answer;
    throw new Refusal(
      reply.status,
      valuesOf(answer, 'Code')[0] ?? '',
      valuesOf(answer, 'Message')[0] ?? answer,
    );
  }

  function look({ params }: Call, ids: readonly string[], request: IncomingMessage): Promise<string> {
    const asked = new URLSearchParams({
      Action: 'DescribeInstances',
      Version: params.get('Version') ?? '',
    });
    for (const [index, id] of ids.entries()) asked.set(`InstanceId.${index + 1}`, id);
    return ask(asked, request);
  }

  async function refuseForSpot(call: Call, request: IncomingMessage): Promise<void> {
    const ids = [...call.params].flatMap(([key, value]) => (key.startsWith('InstanceId.') ? [value] : []));
    if (!(await look(call, ids, request)).includes('<instanceLifecycle>spot<')) return;
    const message = "You can't stop a Spot Instance associated with a one-time Spot Instance request.";
    throw new Refusal(400, 'UnsupportedOperation', message);
  }

  async function refuseWhileOn(call: Call, request: IncomingMessage): Promise<void> {
    const seen = await look(call, [call.params.get('InstanceId') ?? ''], request);
    const state = /<instanceState>.*?<name>(.*?)</s.exec(seen)?.[1];
    if (state !== 'stopped')
      throw new Refusal(400, 'IncorrectInstanceState', `The instance is in the state ${state}.`);
  }

  const server = createServer((request, response) => void serve(request, response));
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const params = new URLSearchParams(await text(request));
    const call = { action: params.get('Action') ?? '', params };
    calls.push(call);
    try {
      const answer = await answerTo(call, request);
      if (take(call.action, 'lost')) request.socket.destroy();
      else response.writeHead(200, { 'content-type': 'text/xml' }).end(answer);
    } catch (error) {
      const { status, code, message } =
        error instanceof Refusal ? error : new Refusal(500, 'InternalError', String((error as Error).stack));
      response.writeHead(status, { 'content-type': 'text/xml' }).end(refusal(code, message));
    }
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    count: (action) => calls.filter((call) => call.action === action).length,
    fail: (fault) => void faults.push(fault),
    forgive: () => void faults.splice(0),
    after(work) {
      listener = work;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuseWrongLaunch(params: URLSearchParams): void {
  const bytes = Buffer.from(params.get('UserData') ?? '', 'base64').length;
  if (bytes > mostUserData)
    throw new Refusal(400, 'InvalidParameterValue', 'User data is limited to 16384 bytes');
  if (Number(params.get('MinCount')) > Number(params.get('MaxCount')))
    throw new Refusal(400, 'InvalidParameterCombination', 'MinCount is more than MaxCount');
}

function refusal(code: string, message: string): string {
  return `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>lab</RequestID></Response>`;
}

/** Returns the texts of all elements with that name. */
export function valuesOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map((match) => match[1] ?? '');
}

/** Returns the instances in a response to RunInstances. */
export function launchedIn(answer: string): Instance[] {
  const ids = valuesOf(answer, 'instanceId');
  const indexes = valuesOf(answer, 'amiLaunchIndex');
  const addresses = [...answer.matchAll(/<amiLaunchIndex>.*?<privateIpAddress>([\d.]+)</gs)].map(
    (match) => match[1] ?? '',
  );
  return ids.map((id, place) => ({
    id,
    index: Number(indexes[place]),
    address: addresses[place] ?? '',
  }));
}
