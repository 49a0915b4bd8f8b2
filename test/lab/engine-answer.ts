import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Belt } from './belt.js';

/** Requests an engine's version over TLS with the cluster's client certificate, as docker does. */
export async function versionOverTls(belt: Belt, address: string): Promise<string> {
  const pem = (file: string) => readFile(join(belt.folder, '.belt/default/certs', file));
  const request = get({
    host: address,
    port: 2376,
    path: '/version',
    servername: '',
    ca: await pem('ca.pem'),
    cert: await pem('cert.pem'),
    key: await pem('key.pem'),
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return (JSON.parse(await text(response)) as { Version: string }).Version;
}
