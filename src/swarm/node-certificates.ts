import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { withTimeout } from '../base/with-timeout.js';
import { type Certificate, daysLeft, readCertificate } from '../certs/model/read-certificate.js';
import type { Machine } from '../machines/model/machine.js';
import { readSwarmFile } from './membership.js';
import type { NamedMember } from './model/members.js';
import { readCertificateSettings } from './model/swarm-node.js';
import type { NodeCertificates } from './model/swarm-overview.js';
import type { Swarm } from './session.js';

const timeoutMs = 5_000;
const dayNs = 24 * 60 * 60 * 1e9;

/** Omits nodes that do not respond. @throws AbortError */
export async function nodeCertificates(
  swarm: Swarm,
  members: readonly NamedMember[],
  context: Context,
  now = new Date(),
): Promise<NodeCertificates> {
  const ready = members.flatMap(({ node, machine }) => (machine && node.status === 'ready' ? [machine] : []));
  const [terms, { answers, failed }] = await Promise.all([
    swarm.request(async (api) => readCertificateSettings(await api.swarm())),
    queryAll(ready, (machine) => expiryOf(machine, context), context.signal),
  ]);
  const ends = answers
    .map(({ subject, value }) => ({ name: subject.name, notAfter: value }))
    .toSorted((one, other) => one.notAfter.getTime() - other.notAfter.getTime());
  const [first] = ends;
  const authority = authorityExpiry(terms.authority);
  return {
    validDays: Math.round(terms.validFor / dayNs),
    ...(first && {
      soonest: {
        name: first.name,
        expires: first.notAfter.toISOString(),
        daysLeft: daysLeft(first, now),
      },
    }),
    ...(authority && { authorityExpires: authority.toISOString() }),
    unanswered: failed.map(({ subject }) => subject.name),
  };
}

async function expiryOf(machine: Machine, context: Context): Promise<Date> {
  return (await nodeCertificate(machine, context)).notAfter;
}

/** The `OU` is the role: `swarm-worker`. @throws UserError when it cannot be read */
export async function nodeCertificate(machine: Machine, context: Context): Promise<Certificate> {
  return withTimeout(timeoutMs, context.signal, async (signal) => {
    const ssh = await context.ssh();
    const connection = await ssh.connect(sshTarget(machine), { signal });
    const { stdout } = await connection.run(readSwarmFile('certificates/swarm-node.crt'), { signal });
    return readCertificate(stdout);
  });
}

function authorityExpiry(pem: string): Date | undefined {
  return pem === '' ? undefined : readCertificate(pem).notAfter;
}
