import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { main } from '../../../src/cli/main.js';

const before = process.listeners('uncaughtException');

afterEach(() => {
  for (const listener of process.listeners('uncaughtException'))
    if (!before.includes(listener)) process.off('uncaughtException', listener);
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

test.each([
  ['an error of an event handler is reported like any other', [], 70, /^this is a bug in belt: it broke\n/],
  ['with --debug, its stack is shown', ['--debug'], 70, /\n {4}at /],
])('%s', async (_, flags, code, shown) => {
  const written: string[] = [];
  const ended = new Promise<unknown>((done) => {
    vi.spyOn(process, 'exit').mockImplementation((() => done(process.exitCode)) as never);
  });
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  await main([...flags, '--version'], pathToFileURL('bin/run.js').href);
  const [handler] = process.listeners('uncaughtException').filter((one) => !before.includes(one));
  handler?.(new Error('it broke'), 'uncaughtException');
  expect(await ended).toBe(code);
  expect(written.join('')).toMatch(shown);
  if (flags.length === 0) expect(written.join('')).not.toMatch(/^ {4}at /m);
});

test('a program that cannot be loaded is one line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'belt-unbuilt-'));
  const program = join(folder, 'run.mjs');
  copyFileSync('bin/start.js', program);
  const { status, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^error: cannot load belt: .*\n$/)]);
});
