import { execFileSync, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { registryProgram } from './docker-client.js';

export const registryLogin = { user: 'belt', password: 'secret' };
/** bcrypt of the password, as `htpasswd -B` writes it. */
const htpasswd = 'belt:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';

export interface ImageRegistry {
  /** Such as `10.209.0.1:41234`. */
  address: string;
  /** The certificate that engines must trust. */
  authority: string;
  stop(): void;
}

/** Debian's docker-registry with TLS and a login. */
export async function startRegistry(folder: string, host: string): Promise<ImageRegistry> {
  const file = (name: string): string => join(folder, name);
  const address = `${host}:${await freePort(host)}`;
  await writeFile(file('htpasswd'), htpasswd);
  const subject = ['-subj', '/CN=registry', '-addext', `subjectAltName=IP:${host}`];
  const keys = ['-newkey', 'rsa:2048', '-nodes', '-keyout', file('key.pem'), '-out', file('cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...keys, ...subject], { stdio: 'ignore' });
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: file('images') } },
    http: { addr: address, tls: { certificate: file('cert.pem'), key: file('key.pem') } },
    auth: { htpasswd: { realm: 'test', path: file('htpasswd') } },
  };
  // JSON is YAML.
  await writeFile(file('registry.yml'), JSON.stringify(config));
  const child = spawn(registryProgram, ['serve', file('registry.yml')], { stdio: 'ignore' });
  const authority = await readFile(file('cert.pem'), 'utf8');
  await waitForPort(address);
  return { address, authority, stop: () => void child.kill() };
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, host, listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

async function waitForPort(address: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await fetch(`http://${address}/`, { signal: AbortSignal.timeout(2_000) });
      return;
    } catch (error) {
      if (attempt === 150) throw error;
      await sleep(200);
    }
  }
}
