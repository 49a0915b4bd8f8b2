import { readFile } from 'node:fs/promises';
import ssh2, {
  type AnyAuthMethod,
  type AuthenticationType,
  type BaseAgent,
  type OpenSSHAgent,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import { hasCode } from '../base/errno.js';
import { messageOf } from '../base/errors.js';
import type { SshTarget } from './connection-types.js';
import { fingerprint } from './key-pair.js';

export interface Credentials {
  /** The socket of an ssh-agent. */
  agentSocket?: string;
  /** The user's own keys, tried last; missing ones are ignored. */
  defaultKeyPaths?: readonly string[];
}

/** The keys for one login, and a description of why none was accepted. */
export interface Authentication {
  /** For ssh2's `authHandler`. Sends no `none` request, which counts as a failure. */
  next(allowed: readonly AuthenticationType[] | null, proceed: (method: AnyAuthMethod | false) => void): void;
  readonly hadKey: boolean;
  /** `tried key SHA256:... (PATH); PATH2 is protected by a passphrase; add it with ssh-add` */
  describe(): string;
}

/** The target's own key, then the agent's keys, then the user's default keys. */
export function authentication(target: SshTarget, credentials: Credentials): Authentication {
  const tried: string[] = [];
  const unusable: string[] = [];
  let allowedMethods: readonly AuthenticationType[] = [];
  const methods = methodsFor(target, credentials, tried, unusable);
  // Reads the first key while the connection is being established.
  let firstMethod: ReturnType<typeof methods.next> | undefined = methods.next();

  return {
    get hadKey() {
      return tried.length > 0;
    },
    next(allowed, proceed) {
      allowedMethods = allowed ?? allowedMethods;
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
  { user: username, keyPath }: SshTarget,
  { agentSocket, defaultKeyPaths = [] }: Credentials,
  tried: string[],
  unusable: string[],
): AsyncGenerator<AnyAuthMethod, undefined> {
  const paths = keyPath === undefined ? [] : [keyPath];
  for (const path of paths) yield* keyMethod(path, true);
  if (agentSocket)
    yield { type: 'agent', username, agent: new RecordingAgent(agentSocket, tried, unusable) as BaseAgent };
  for (const path of defaultKeyPaths) if (path !== keyPath) yield* keyMethod(path, false);
  return undefined;

  async function* keyMethod(path: string, named: boolean): AsyncGenerator<AnyAuthMethod, void> {
    const loaded = await loadPrivateKey(path);
    if ('key' in loaded) {
      tried.push(`key ${fingerprint(loaded.key.getPublicSSH())} (${path})`);
      yield { type: 'publickey', username, key: loaded.key };
    } else if (named || !loaded.missing) {
      unusable.push(`${path} ${loaded.problem}`);
    }
  }
}

/** Records an agent that fails as one without keys, so that the next method is tried. */
class RecordingAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: OpenSSHAgent;

  constructor(
    private readonly socket: string,
    private readonly tried: string[],
    private readonly unusable: string[],
  ) {
    super();
    this.#agent = ssh2.createAgent(socket) as OpenSSHAgent;
  }

  override getIdentities(done: (error: undefined, keys: ParsedKey[]) => void): void {
    this.#agent.getIdentities((error, found) => {
      const keys = (found ?? []) as ParsedKey[];
      if (error) this.unusable.push(`the agent at ${this.socket} does not respond`);
      else if (keys.length === 0) this.unusable.push(`the agent at ${this.socket} holds no key`);
      for (const key of keys) this.tried.push(`agent key ${fingerprint(key.getPublicSSH())}`);
      done(undefined, keys);
    });
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}

type LoadedKey = { key: ParsedKey } | { problem: string; missing: boolean };

async function loadPrivateKey(path: string): Promise<LoadedKey> {
  let text: Buffer;
  try {
    text = await readFile(path);
  } catch (error) {
    return { problem: readProblem(error), missing: hasCode(error, 'ENOENT') };
  }
  const parsed = ssh2.utils.parseKey(text);
  // Some formats hold several keys; the first is the private one.
  const key = Array.isArray(parsed) ? (parsed as ParsedKey[])[0] : parsed;
  if (key === undefined) return { problem: 'holds no key', missing: false };
  if (key instanceof Error) return { problem: parseProblem(key), missing: false };
  if (!key.isPrivateKey()) return { problem: 'is a public key; the private key is required', missing: false };
  return { key };
}

function readProblem(error: unknown): string {
  if (hasCode(error, 'ENOENT')) return 'does not exist';
  if (hasCode(error, 'EACCES')) return 'is not readable by this user';
  if (hasCode(error, 'EISDIR')) return 'is a folder';
  return `cannot be read (${messageOf(error)})`;
}

function parseProblem(error: Error): string {
  if (/passphrase|encrypted/i.test(error.message)) return 'is protected by a passphrase; add it with ssh-add';
  return 'is not a private key in a supported format (OpenSSH, PEM, PPK)';
}
