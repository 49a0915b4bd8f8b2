import { expect, test } from 'vitest';
import { causeIn } from '../../../src/engine/run-script.js';

test("causeIn returns the engine's errors without systemd's messages", () => {
  const log = `Starting docker.service - Docker Application Container Engine...
time="2026-01-01T00:00:00Z" level=info msg="Starting up"
unable to configure the Docker daemon with file /etc/docker/daemon.json: the following directives don't match any configuration option: x
docker.service: Main process exited, code=exited, status=1/FAILURE
docker.service: Failed with result 'exit-code'.
Failed to start docker.service - Docker Application Container Engine.
`;
  expect(causeIn(log)).toBe(
    "unable to configure the Docker daemon with file /etc/docker/daemon.json: the following directives don't match any configuration option: x",
  );
});

test('causeIn returns the last lines without repetition when there is no error', () => {
  expect(causeIn('a\nb\nb\n')).toBe('a\nb');
  expect(causeIn('time="x" level=info msg="bye"\n')).toBe('time="x" level=info msg="bye"');
  expect(causeIn(Array.from({ length: 20 }, (_, line) => `${line}`).join('\n')).split('\n')).toHaveLength(8);
  expect(causeIn('')).toBe('');
});
