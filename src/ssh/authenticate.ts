import type { AnyAuthMethod, AuthenticationType, BaseAgent } from 'ssh2';
import { type AgentKey, listAgentKeys, OneKeyAgent } from './agent-keys.js';
import type { SshTarget } from './connection-types.js';
import { loadPrivateKey, readPublicKey } from './key-file.js';
import { fingerprint } from './key-pair.js';
import { certifiedKeyOf, withCertificate } from './user-certificate.js';

export interface Credentials {
  /** The socket of an ssh-agent. */
  agentSocket?: string;
  /** The user's own keys, tried last; missing ones are ignored. */
  defaultKeyPaths?: readonly string[];
}

/** The keys for one login, and a description of why none was accepted. */
export interface Authentication {
  /** For ssh2's `authHandler`. Sends no `none` request, which counts as a failure. */
  next(
    allowed: readonly AuthenticationType[] | null,
    partial: boolean | null,
    proceed: (method: AnyAuthMethod | false) => void,
  ): void;
  readonly hadKey: boolean;
  /** Why no other key can help; undefined: one may. */
  readonly deadEnd: DeadEnd | undefined;
  /** `tried key SHA256:... (PATH); PATH2 is protected by a passphrase; add it with ssh-add` */
  describe(): string;
}

export interface DeadEnd {
  problem: string;
  hint: string;
}

/** The target's own key, then the agent's keys, then the user's default keys. */
export function authentication(target: SshTarget, credentials: Credentials): Authentication {
  const tried: string[] = [];
  const unusable: string[] = [];
  let allowedMethods: readonly AuthenticationType[] = [];
  let isPartial = false;
  const methods = methodsFor(target, credentials, tried, unusable);
  // Reads the first key while the connection is being established.
  let firstMethod: ReturnType<typeof methods.next> | undefined = methods.next();

  return {
    get hadKey() {
      return tried.length > 0;
    },
    get deadEnd() {
      if (allowedMethods.length === 0 || allowedMethods.includes('publickey')) return undefined;
      const methods = allowedMethods.join(' or ');
      return isPartial
        ? {
            problem: `the server accepts the key, but also requires ${methods}, which belt cannot provide`,
            hint: 'in sshd_config on the machine, let a key suffice for this user: a Match block with "AuthenticationMethods publickey"',
          }
        : {
            problem: `the server allows only ${methods}, and belt logs in with keys`,
            hint: 'set "PubkeyAuthentication yes" in sshd_config on the machine, without other AuthenticationMethods',
          };
    },
    next(allowed, partial, proceed) {
      allowedMethods = allowed ?? allowedMethods;
      isPartial ||= partial === true;
      if (allowed && !allowed.includes('publickey')) return proceed(false);
      const method = firstMethod ?? methods.next();
      firstMethod = undefined;
      method.then(
        ({ value }) => proceed(value ?? false),
        () => proceed(false),
      );
    },
    describe() {
      return [
        tried.length > 0 ? `tried ${tried.join(', ')}` : 'no key to try',
        ...unusable,
        allowedMethods.length > 0 ? `the server allows ${allowedMethods.join(', ')}` : undefined,
      ]
        .filter((part) => part !== undefined)
        .join('; ');
    },
  };
}

async function* methodsFor(
  { user: username, keyPath, certificatePath, agentSocket: ownAgent }: SshTarget,
  { agentSocket: defaultAgent, defaultKeyPaths = [] }: Credentials,
  tried: string[],
  unusable: string[],
): AsyncGenerator<AnyAuthMethod, undefined> {
  const seen = new Set<string>();
  const agentSocket = ownAgent === 'none' ? undefined : (ownAgent ?? defaultAgent);
  const agentKeys = memoize(async () => (agentSocket ? listAgentKeys(agentSocket) : undefined));

  if (keyPath !== undefined) yield* fileMethods(keyPath, { named: true, certificatePath });
  if (agentSocket) {
    const agent = await agentKeys();
    if (!agent) unusable.push(`the agent at ${agentSocket} does not respond`);
    else if (agent.keys.length + agent.unusable.length === 0)
      unusable.push(`the agent at ${agentSocket} holds no key`);
    yield* agentMethods(agent?.keys ?? []);
    unusable.push(...(agent?.unusable ?? []));
  }
  for (const path of defaultKeyPaths) if (path !== keyPath) yield* fileMethods(path, { named: false });
  return undefined;

  /** The key's certificate first, as in OpenSSH. */
  async function* fileMethods(
    path: string,
    options: { named: boolean; certificatePath?: string | undefined },
  ): AsyncGenerator<AnyAuthMethod, void> {
    const loaded = await loadPrivateKey(path);
    if (!('key' in loaded)) {
      const { publicKey } = loaded;
      const inAgent = publicKey
        ? ((await agentKeys())?.keys ?? []).filter(({ blob }) => isOf(blob, publicKey))
        : [];
      yield* agentMethods(inAgent);
      if (inAgent.length === 0 && (options.named || !loaded.missing))
        unusable.push(`${path} ${loaded.problem}`);
      return;
    }
    const { key } = loaded;
    const certificate = await readPublicKey(options.certificatePath ?? `${path}-cert.pub`);
    if (certificate && isOf(certificate, key.getPublicSSH())) {
      tried.push(
        `certificate ${fingerprint(key.getPublicSSH())} (${options.certificatePath ?? `${path}-cert.pub`})`,
      );
      yield { type: 'publickey', username, key: withCertificate(key, certificate) };
    }
    if (!isNew(key.getPublicSSH())) return;
    tried.push(`key ${fingerprint(key.getPublicSSH())} (${path})`);
    yield { type: 'publickey', username, key };
  }

  function* agentMethods(keys: readonly AgentKey[]): Generator<AnyAuthMethod, void> {
    for (const { blob, key } of keys) {
      if (!isNew(blob)) continue;
      const certified = certifiedKeyOf(blob);
      tried.push(
        certified ? `agent certificate ${fingerprint(certified)}` : `agent key ${fingerprint(blob)}`,
      );
      yield { type: 'agent', username, agent: new OneKeyAgent(agentSocket ?? '', key) as BaseAgent };
    }
  }

  function isNew(blob: Buffer): boolean {
    const id = blob.toString('base64');
    const result = !seen.has(id);
    seen.add(id);
    return result;
  }
}

function memoize<T>(create: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => (value ??= create());
}

/** Whether it is the key itself or a certificate of it. */
function isOf(blob: Buffer, publicKey: Buffer): boolean {
  return (certifiedKeyOf(blob) ?? blob).equals(publicKey);
}
