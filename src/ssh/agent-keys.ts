import { connect } from 'node:net';
import ssh2, { type OpenSSHAgent, type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2';
import { fingerprint, keyType } from './key-pair.js';
import { certifiedKeyOf, correctSignedData, withCertificate } from './user-certificate.js';

export interface AgentKey {
  /** Wire format; a certificate for a certified key. */
  blob: Buffer;
  key: ParsedKey;
}

export interface AgentKeys {
  keys: AgentKey[];
  /** `agent key SHA256:... has the type sk-ssh-ed25519@openssh.com, which belt cannot use` */
  unusable: string[];
}

const timeoutMs = 10_000;
/** OpenSSH's own limit for a message. */
const maxReply = 256 * 1024;
const requestIdentities = Buffer.from([0, 0, 0, 1, 11]);
const identitiesAnswer = 12;

/**
 * Certificates too, which ssh2's own agent leaves out. @see draft-miller-ssh-agent
 * @returns undefined if the agent does not respond
 */
export async function listAgentKeys(socket: string): Promise<AgentKeys | undefined> {
  const reply = await queryAgent(socket);
  if (reply?.[4] !== identitiesAnswer) return undefined;
  const keys: AgentKey[] = [];
  const unusable: string[] = [];
  for (const blob of blobsIn(reply)) {
    const certified = certifiedKeyOf(blob);
    const key = ssh2.utils.parseKey(certified ?? blob) as ParsedKey | Error;
    if (key instanceof Error)
      unusable.push(`agent key ${fingerprint(blob)} has the type ${keyType(blob)}, which belt cannot use`);
    else keys.push({ blob, key: certified ? withCertificate(key, blob) : key });
  }
  return { keys, unusable };
}

function blobsIn(reply: Buffer): Buffer[] {
  const blobs: Buffer[] = [];
  for (let at = 9; at + 4 <= reply.length; ) {
    const end = at + 4 + reply.readUInt32BE(at);
    if (end + 4 > reply.length) break;
    blobs.push(reply.subarray(at + 4, end));
    at = end + 4 + reply.readUInt32BE(end);
  }
  return blobs;
}

function queryAgent(path: string): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let reply = Buffer.alloc(0);
    const socket = connect({ path, timeout: timeoutMs });
    const end = (result: Buffer | undefined) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => socket.write(requestIdentities));
    socket.on('data', (chunk) => {
      reply = Buffer.concat([reply, chunk]);
      if (reply.length > maxReply) end(undefined);
      else if (reply.length >= 5 && reply.length >= 4 + reply.readUInt32BE(0)) end(reply);
    });
    for (const event of ['error', 'close', 'timeout'] as const) socket.on(event, () => end(undefined));
  });
}

/** An agent with one key, so that each attempt is a method of its own. */
export class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: OpenSSHAgent;

  constructor(
    socket: string,
    private readonly key: ParsedKey,
  ) {
    super();
    this.#agent = ssh2.createAgent(socket) as OpenSSHAgent;
  }

  override getIdentities(done: (error: undefined, keys: ParsedKey[]) => void): void {
    done(undefined, [this.key]);
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const corrected = certifiedKeyOf(key.getPublicSSH()) ? correctSignedData(data) : data;
    if (typeof options === 'function') this.#agent.sign(key, corrected, options);
    else this.#agent.sign(key, corrected, options, done);
  }
}
