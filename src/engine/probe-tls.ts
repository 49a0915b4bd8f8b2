import { connect } from 'node:tls';
import { addressOf } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { ExternalError, messageOf } from '../base/errors.js';
import { readClusterCertificates } from '../certs/cluster-certificates.js';
import type { Machine } from '../machines/model/machine.js';
import { EngineApi } from './api.js';

type TlsProbe =
  | { reached: true; version: string }
  /** Something in between blocks it, usually a firewall. */
  | { reached: false; reason: string };

const timeoutMs = 5_000;

/** @throws ExternalError when the engine is reached but TLS fails or it returns an error */
export async function probeTls(machine: Machine, port: number, context: Context): Promise<TlsProbe> {
  const certificates = await readClusterCertificates(context.cluster);
  if (!certificates) throw new Error('a server certificate without client certificates');
  const { trusted, client } = certificates;
  const host = addressOf(machine);
  using api = new EngineApi(() =>
    connect({ host, port, ca: trusted, cert: client.certificate, key: client.key, servername: '' }),
  );
  try {
    return { reached: true, version: await api.version({ timeoutMs, signal: context.signal }) };
  } catch (error) {
    const reason = unreachableReason(error);
    if (reason !== undefined) return { reached: false, reason: `${host} port ${port}: ${reason}` };
    throw new ExternalError(`${machine.name}: TLS with ${host} port ${port} failed: ${messageOf(error)}`, {
      hint: `belt regenerate-certs ${machine.name}`,
      cause: error,
    });
  }
}

function unreachableReason(error: unknown): string | undefined {
  if (!(error instanceof ExternalError)) return undefined;
  if (error.message.startsWith('the engine did not respond'))
    return `no response within ${timeoutMs / 1000} s`;
  const { code } = (error.cause ?? {}) as { code?: string };
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'refused',
    EHOSTUNREACH: 'no route',
    ENETUNREACH: 'no route',
    ETIMEDOUT: 'no answer',
  };
  return code === undefined ? undefined : reasons[code];
}
