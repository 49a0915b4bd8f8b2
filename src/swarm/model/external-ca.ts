import { UsageError } from '../../base/errors.js';

/** A certificate authority outside the swarm, as the engine's API takes it. */
export interface ExternalCa {
  Protocol: string;
  URL: string;
  Options?: Record<string, string>;
  CACert?: string;
}

/**
 * Reads docker's `protocol=cfssl,url=https://...`; further settings are the authority's own.
 * @param readFile the text of a file that `cacert=` names
 * @throws UsageError
 */
export async function parseExternalCa(
  text: string,
  readFile: (path: string) => Promise<string>,
): Promise<ExternalCa> {
  const options: Record<string, string> = {};
  for (const field of text.split(',')) {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(field) ?? [];
    if (key === '') throw new UsageError(`--external-ca: "${field}" is not KEY=VALUE`, { hint });
    options[key.toLowerCase()] = value;
  }
  const { protocol = '', url = '', cacert, ...others } = options;
  if (protocol.toLowerCase() !== 'cfssl')
    throw new UsageError(`--external-ca: "${protocol}" is no protocol that docker knows`, { hint });
  if (url === '') throw new UsageError('--external-ca: the url is missing', { hint });
  return {
    Protocol: 'cfssl',
    URL: url,
    ...(Object.keys(others).length > 0 && { Options: others }),
    ...(cacert !== undefined && { CACert: await readFile(cacert) }),
  };
}

const hint = 'for example protocol=cfssl,url=https://ca.example.org:8888/api/v1/cfssl/sign';
