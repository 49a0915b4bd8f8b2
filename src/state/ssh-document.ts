import * as z from 'zod/mini';
import type { JumpHost, SshAccess } from '../machines/model/machine.js';

/** A jump host in the section `Belt` of a machine's document. */
export const jumpHostShape = z.object({
  User: z.string(),
  Host: z.string(),
  Port: z.number(),
  KeyPath: z.optional(z.string()),
  CertificatePath: z.optional(z.string()),
  AgentSocket: z.optional(z.string()),
  ProxyCommand: z.optional(z.string()),
  get JumpHost() {
    return z.optional(jumpHostShape);
  },
});

export function jumpOf(
  { User, Host, Port, KeyPath, JumpHost, ...options }: z.infer<typeof jumpHostShape>,
  rebaseKey: (path: string | undefined) => string | undefined,
): JumpHost {
  const keyPath = rebaseKey(KeyPath);
  return {
    user: User,
    host: Host,
    port: Port,
    ...(keyPath && { keyPath }),
    ...loginOptionsOf(options),
    ...(JumpHost && { jump: jumpOf(JumpHost, rebaseKey) }),
  };
}

export function jumpDocument({
  user,
  host,
  port,
  keyPath,
  jump,
  ...options
}: JumpHost): Readonly<Record<string, unknown>> {
  return {
    User: user,
    Host: host,
    Port: port,
    KeyPath: keyPath,
    ...loginOptionsDocument(options),
    JumpHost: jump && jumpDocument(jump),
  };
}

interface LoginOptionsDocument {
  CertificatePath?: string | undefined;
  AgentSocket?: string | undefined;
  ProxyCommand?: string | undefined;
}

export function loginOptionsOf({
  CertificatePath,
  AgentSocket,
  ProxyCommand,
}: LoginOptionsDocument): LoginOptions {
  return {
    ...(CertificatePath !== undefined && { certificatePath: CertificatePath }),
    ...(AgentSocket !== undefined && { agentSocket: AgentSocket }),
    ...(ProxyCommand !== undefined && { proxyCommand: ProxyCommand }),
  };
}

type LoginOptions = Pick<SshAccess, 'certificatePath' | 'agentSocket' | 'proxyCommand'>;

export function loginOptionsDocument(options: LoginOptions): LoginOptionsDocument {
  return {
    CertificatePath: options.certificatePath,
    AgentSocket: options.agentSocket,
    ProxyCommand: options.proxyCommand,
  };
}
