import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

/** Of standard error, for messages. */
const maxErrors = 2000;

/**
 * Standard input and output of a ProxyCommand, which runs as long as the stream is open. @see
 * ssh_config(5)
 */
export function runProxyCommand(command: string): Duplex {
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], { stdio: 'pipe' });
  const { stdin, stdout, stderr } = child;
  const stream = new Duplex({
    read: () => void stdout.resume(),
    // A command that has ended is reported by `close`, with its reason.
    write: (chunk, _encoding, done) => void stdin.write(chunk, () => done()),
    final: (done) => void stdin.end(() => done()),
    destroy(error, done) {
      child.kill();
      done(error);
    },
  });
  stdout.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) stdout.pause();
  });
  let errors = '';
  stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-maxErrors);
  });
  const fail = (reason: string) => stream.destroy(new Error(`ProxyCommand "${command}" ${reason}`));
  child.once('error', (error) => fail(`cannot be started: ${error.message}`));
  // After its last output.
  child.once('close', (code, signal) => {
    fail(`ended with ${signal ?? `exit code ${code}`}${errors === '' ? '' : `: ${errors.trim()}`}`);
  });
  stdin.on('error', () => {});
  stream.on('error', () => {});
  return stream;
}
