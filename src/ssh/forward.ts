import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { AbortError } from '../base/errors.js';
import { ConnectError, type ConnectProblem } from './connect-error.js';
import type { SshTarget } from './connection-types.js';

interface ForwardLimits {
  timeoutMs: number;
  signal: AbortSignal;
}

/** A `direct-tcpip` channel of the jump host (RFC 4254, 7.2). @throws ConnectError, AbortError */
export function forward(
  client: Client,
  jump: SshTarget,
  target: SshTarget,
  { timeoutMs, signal }: ForwardLimits,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new AbortError());
    let waiting = true;
    const settle = () => {
      waiting = false;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: Error) => {
      settle();
      reject(error);
    };
    const onAbort = () => fail(new AbortError());
    const timer = setTimeout(() => {
      const seconds = timeoutMs / 1000;
      fail(forwardError(jump, target, 'no answer', `no answer from %s within ${seconds} s`));
    }, timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });

    client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, channel) => {
      if (!waiting) return void channel?.destroy();
      if (error) return fail(explain(jump, target, error));
      settle();
      // A reset must not be an unhandled error.
      channel.on('error', () => {});
      resolve(channel);
    });
  });
}

/** ssh2's error contains the server's message and reason code (RFC 4254, 5.1). */
function explain(jump: SshTarget, target: SshTarget, error: Error & { reason?: unknown }): ConnectError {
  const prohibited = error.reason === 1 || /prohibited/i.test(error.message);
  if (prohibited) {
    return new ConnectError(target, 'not permitted', `${jump.host} does not forward connections`, {
      cause: error,
      hint: `set "AllowTcpForwarding yes" in sshd_config on ${jump.host}`,
    });
  }
  const words = error.message.replace(/^.*open failure:\s*/, '');
  if (/refused/i.test(words)) return forwardError(jump, target, 'refused', 'refused by %s', error);
  if (/route|unreachable/i.test(words))
    return forwardError(jump, target, 'no route', 'no route to %s', error);
  if (/not known|resolution|no address/i.test(words))
    return forwardError(jump, target, 'no such host', `no such host: %s`, error);
  if (/timed? ?out/i.test(words)) return forwardError(jump, target, 'no answer', 'no answer from %s', error);
  return forwardError(jump, target, 'other', `cannot connect to %s: ${words}`, error);
}

function forwardError(
  jump: SshTarget,
  target: SshTarget,
  obstacle: ConnectProblem,
  words: string,
  cause?: Error,
): ConnectError {
  const where = `${target.host} port ${target.port}, seen from ${jump.host}`;
  return new ConnectError(
    target,
    obstacle,
    words.replace('%s', () => where),
    { cause },
  );
}
