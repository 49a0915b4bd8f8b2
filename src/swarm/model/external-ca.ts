import { UsageError } from '../../base/errors.js';

/** `ExternalCA` of the Engine API. */
export interface ExternalCa {
  Protocol: string;
  URL: string;
  Options?: Record<string, string>;
  CACert?: string;
}

/** As docker/cli, swarm/opts.go. @param readFile reads the file in `cacert=` @throws UsageError */
export async function parseExternalCa(
  text: string,
  readFile: (path: string) => Promise<string>,
): Promise<ExternalCa> {
  const options: Record<string, string> = {};
  for (const field of text.split(',')) {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(field) ?? [];
    if (key === '')
      throw new UsageError(`--external-ca: invalid field '${field}' must be a key=value pair`, { hint });
    const known = ['protocol', 'url', 'cacert'].find((name) => name === key.toLowerCase());
    options[known ?? key] = value;
  }
  const { protocol = '', url = '', cacert, ...others } = options;
  if (protocol.toLowerCase() !== 'cfssl')
    throw new UsageError(`--external-ca: unrecognized external CA protocol ${protocol}`, { hint });
  if (url === '') throw new UsageError('--external-ca: missing url= parameter', { hint });
  return {
    Protocol: 'cfssl',
    URL: url,
    ...(Object.keys(others).length > 0 && { Options: others }),
    ...(cacert !== undefined && { CACert: await readFile(cacert) }),
  };
}

const hint = '--external-ca protocol=cfssl,url=https://ca.example.org:8888/api/v1/cfssl/sign';
