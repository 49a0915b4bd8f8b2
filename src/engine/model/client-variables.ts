type Variables = Readonly<Record<string, string | undefined>>;

export interface ClientHost {
  /** As in DOCKER_HOST. */
  url: string;
  /** The folder of the client's certificates; undefined: no TLS. */
  certificates?: string;
}

/** What would send the docker client to another engine. */
const otherEngine = ['DOCKER_CONTEXT', 'DOCKER_TLS', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'];

/**
 * The environment of the docker client for one engine. Variables, unlike flags, also reach its
 * plugins, and take precedence over the current docker context. DOCKER_CONFIG stays the user's.
 */
export function clientVariables(variables: Variables, { url, certificates }: ClientHost): Variables {
  const others = Object.entries(variables).filter(([name]) => !otherEngine.includes(name));
  return {
    ...Object.fromEntries(others),
    DOCKER_HOST: url,
    ...(certificates !== undefined && { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates }),
  };
}
