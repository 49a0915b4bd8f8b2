import { connect } from 'node:net';

/** Whether the port accepts TCP connections. */
export function answers(
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host, port });
    const timer = setTimeout(() => end(false), timeoutMs);
    const onAbort = () => {
      reject(signal.reason);
      end(false);
    };
    const end = (answer: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(answer);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => end(true));
    // A refusal may still arrive after the timeout.
    socket.on('error', () => end(false));
  });
}
