import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { record } from '../../../docs/demo/recording.js';
import type { Reporter } from '../../../src/app/reporter.js';
import { AbortError, ExternalError } from '../../../src/base/errors.js';
import { createReporter } from '../../../src/ui/create-reporter.js';
import type { TerminalStream } from '../../../src/ui/live-area.js';
import { createScreen, type Screen } from './ui-screen.js';

/** A clock controlled by the test, so that shown times are predictable. */
interface Clock {
  nowMs: number;
}

function terminalReporter(screen: Screen, clock: Clock = { nowMs: 0 }): Reporter {
  const sharing = [screen.stream, screen.other];
  return createReporter({
    stream: screen.stream,
    mode: 'terminal',
    color: false,
    sharing,
    now: () => clock.nowMs,
  });
}

/** Waits until the screen shows a text; the test's timeout is the limit. */
async function shown(screen: Screen, text: string): Promise<void> {
  await vi.waitFor(async () => expect((await screen.lines()).join('\n')).toContain(text), {
    timeout: 20_000,
    interval: 20,
  });
}

describe('progress on a terminal', () => {
  test('each subject keeps one line with aligned names and times', async () => {
    const screen = createScreen();
    const clock = { nowMs: 0 };
    const progress = terminalReporter(screen, clock).open(['node1', 'node10']);
    progress.update('node1', 'booting');
    progress.update('node10', 'booting');
    await shown(screen, 'node10  Booting');
    clock.nowMs = 1200;
    progress.update('node1', 'waiting for SSH');
    progress.done('node1', 'ready');
    clock.nowMs = 64_000;
    await shown(screen, '1m04s');
    progress.done('node10', 'ready at last');
    await progress.close();
    expect(await screen.lines()).toEqual([
      '✓ node1   Ready            1.2s',
      '✓ node10  Ready at last   1m04s',
    ]);
    expect(await screen.cursorVisible()).toBe(true);
  });

  test('a running subject shows spinner, step, progress bar and time, and the cursor is hidden', async () => {
    const screen = createScreen();
    const progress = terminalReporter(screen).open(['image', 'node1']);
    progress.update('image', 'unpacking', 0.43);
    await shown(screen, '43%');
    expect(await screen.lines()).toEqual([
      '⠋ image  Unpacking  ━━━━━━━━━───────────  43%    0.0s',
      '· node1',
    ]);
    expect(await screen.cursorVisible()).toBe(false);
    progress.done('image');
    await progress.close();
    expect(await screen.lines()).toEqual(['✓ image  Done       0.0s', '- node1  Skipped']);
  });

  test('a failure is shown in full at the end, aligned with its column', async () => {
    const screen = createScreen(40, 10);
    const progress = terminalReporter(screen).open(['node1']);
    progress.failed('node1', 'the engine did not come up within ten seconds:\n  dockerd: no space left');
    await progress.close();
    expect(await screen.lines()).toEqual([
      '✗ node1  the engine did not        0.0s',
      '         come up within ten',
      '         seconds:',
      '           dockerd: no space',
      '         left',
    ]);
  });

  test('a long text is truncated to the width while it is live', async () => {
    const screen = createScreen(40, 10);
    const progress = terminalReporter(screen).open(['node1']);
    progress.update('node1', 'a step\nwith \x1b[31mcolors\x1b[0m and a rather long description');
    await shown(screen, 'A step');
    expect(await screen.lines()).toEqual(['⠋ node1  A step with colors an…    0.0s']);
    progress.done('node1');
    await progress.close();
  });

  test('notes, warnings and output of others go above the live lines', async () => {
    const screen = createScreen();
    const reporter = terminalReporter(screen);
    reporter.note('before');
    const progress = reporter.open(['node1', 'node2']);
    progress.update('node1', 'booting');
    await shown(screen, 'node1  Booting');
    reporter.note('a note');
    reporter.warn('a warning');
    screen.other.write('a result\nunfinished ');
    screen.stream.write('a message\n');
    screen.other.write('but now\n');
    progress.update('node2', 'joining');
    await shown(screen, 'node2  Joining');
    progress.done('node1', 'ready');
    progress.done('node2', 'ready');
    await progress.close();
    screen.other.write('after\n');
    expect(await screen.lines()).toEqual([
      'before',
      'a note',
      'warning: a warning',
      'a result',
      'a message',
      'unfinished but now',
      '✓ node1  Ready    0.0s',
      '✓ node2  Ready    0.0s',
      'after',
    ]);
  });

  test('subjects that do not fit become a summary with the failed and running ones', async () => {
    const screen = createScreen(50, 10);
    const names = Array.from({ length: 97 }, (_, index) => `node${index + 1}`);
    const progress = terminalReporter(screen).open(names);
    for (const name of names.slice(0, 40)) progress.update(name, 'booting');
    for (const name of names.slice(0, 10)) progress.done(name, 'ready');
    progress.failed('node11', 'no address left');
    await shown(screen, '10/97 done');
    expect(await screen.lines()).toEqual([
      '✗ node11  no address left    0.0s',
      '⠋ node12  Booting            0.0s',
      '⠋ node13  Booting            0.0s',
      '⠋ node14  Booting            0.0s',
      '… 26 more running',
      '⠋ 10/97 done, 1 failed  0.0s',
    ]);
    for (const name of names.slice(11)) progress.done(name, 'ready');
    await progress.close();
    expect(await screen.lines()).toEqual([
      '✗ node11  no address left    0.0s',
      '✗ 96/97 done, 1 failed  0.0s',
    ]);
  });

  test('a window that shrinks leaves no stray lines', async () => {
    const screen = createScreen(80, 24);
    const progress = terminalReporter(screen).open(['node1', 'node2']);
    for (const name of ['node1', 'node2'])
      progress.update(name, 'a step with a description of about fifty cells');
    await shown(screen, 'node2  A step');
    screen.resize(40, 12);
    progress.update('node1', 'narrow now');
    await shown(screen, 'Narrow now');
    for (const name of ['node1', 'node2']) progress.done(name, 'ready');
    await progress.close();
    expect(await screen.lines()).toEqual(['✓ node1  Ready    0.0s', '✓ node2  Ready    0.0s']);
  });

  test('concurrent groups of lines do not mix', async () => {
    const screen = createScreen();
    const reporter = terminalReporter(screen);
    const image = reporter.open(['image']);
    const nodes = reporter.open(['node1']);
    image.update('image', 'building');
    nodes.update('node1', 'waiting');
    await shown(screen, 'node1  Waiting');
    nodes.done('node1', 'ready');
    await nodes.close();
    expect(await screen.lines()).toEqual(['✓ node1  Ready    0.0s', '⠋ image  Building    0.0s']);
    image.done('image', 'built');
    await image.close();
    expect(await screen.lines()).toEqual(['✓ node1  Ready    0.0s', '✓ image  Built    0.0s']);
  });

  test('late steps and empty groups draw nothing', async () => {
    const screen = createScreen();
    const reporter = terminalReporter(screen);
    await reporter.open([]).close();
    const progress = reporter.open(['node1']);
    progress.done('node1', 'ready');
    progress.update('node1', 'again');
    progress.failed('node1', 'too late');
    progress.update('stranger', 'who?');
    await progress.close();
    expect(await screen.lines()).toEqual(['✓ node1  Ready    0.0s']);
  });
});

describe('stages on a terminal', () => {
  /** The screen without times. */
  async function lines(screen: Screen): Promise<string[]> {
    return (await screen.lines()).map((line) => line.replace(/\[[\dms.h]+\]$/, '[TIME]'));
  }

  test('a stage is a tree of its steps, each with its time', async () => {
    const screen = createScreen();
    await terminalReporter(screen).stage('debian-13', async (stage) => {
      stage.step('downloading', 0.5);
      await shown(screen, 'Downloading  ━━━━━─────  50%');
      stage.step('unpacking');
      await shown(screen, '⠋ Unpacking');
      expect(await lines(screen)).toEqual(['⠋ debian-13', '  ✓ Downloading [TIME]', '  ⠋ Unpacking']);
      expect(await screen.cursorVisible()).toBe(false);
    });
    expect(await lines(screen)).toEqual([
      '✓ debian-13 [TIME]',
      '  ✓ Downloading [TIME]',
      '  ✓ Unpacking [TIME]',
    ]);
    expect(await screen.cursorVisible()).toBe(true);
  });

  test('machines and inner stages are subtasks of their stage', async () => {
    const screen = createScreen();
    await terminalReporter(screen).stage('Upgrading managers', async (stage) => {
      const progress = stage.open(['mg0', 'mg10']);
      progress.update('mg0', 'Draining');
      await shown(screen, '· mg10');
      progress.done('mg0', 'upgraded');
      await stage.stage('Upgrading workers', async (inner) => inner.step('Waiting for the election'));
      progress.failed('mg10', 'the engine did not come up:\n  no space left');
      await progress.close();
    });
    expect(await lines(screen)).toEqual([
      '✗ Upgrading managers [TIME]',
      '  ✓ mg0   Upgraded [TIME]',
      '  ✗ mg10  the engine did not come up:',
      '            no space left',
      '  ✓ Upgrading workers [TIME]',
      '    ✓ Waiting for the election [TIME]',
    ]);
  });

  test('a retry shows its count and its reason until the stage ends', async () => {
    const screen = createScreen();
    await terminalReporter(screen).stage('Inspecting the swarm', async (stage) => {
      stage.retry('mg0 does not answer');
      stage.retry('mg1 does not answer');
      await shown(screen, 'RETRY:2');
      expect(await lines(screen)).toEqual(['⠋ Inspecting the swarm (mg1 does not answer) [RETRY:2]']);
    });
    expect(await lines(screen)).toEqual(['✓ Inspecting the swarm [TIME]']);
  });

  test('notes, warnings and results go above the tree', async () => {
    const screen = createScreen();
    await terminalReporter(screen).stage('Rotating', async (stage) => {
      stage.step('Restarting mg0');
      await shown(screen, 'Restarting');
      stage.note('a note');
      stage.warn('a warning about SWMKEY-1-secretsecret');
      screen.other.write('a result\n');
    });
    expect(await lines(screen)).toEqual([
      'a note',
      'warning: a warning about SWMKEY-1-[redacted]',
      'a result',
      '✓ Rotating [TIME]',
      '  ✓ Restarting mg0 [TIME]',
    ]);
  });

  test('an interrupted stage is not shown as failed, and both rethrow', async () => {
    const screen = createScreen();
    const stage = (error: Error): Promise<void> =>
      terminalReporter(screen).stage('Joining', async (inner) => {
        inner.open(['node1', 'node2']).update('node1', 'Joining');
        inner.step('Waiting');
        throw error;
      });
    await expect(stage(new ExternalError('no manager answers'))).rejects.toThrow('no manager answers');
    await expect(stage(new AbortError())).rejects.toThrow(AbortError);
    const screenLines = await lines(screen);
    expect(screenLines.filter((line) => line.includes('Joining') && !line.includes('node'))).toEqual([
      '✗ Joining',
      '- Joining (interrupted)',
    ]);
  });

  test('a stage that ends after an interruption has no green tick', async () => {
    const screen = createScreen();
    const abort = new AbortController();
    const reporter = createReporter({
      stream: screen.stream,
      mode: 'terminal',
      color: false,
      sharing: [screen.stream],
      signal: abort.signal,
    });
    await reporter.stage('Upgrading', async (stage) => {
      const progress = stage.open(['node1', 'node2', 'node3']);
      progress.update('node1', 'draining');
      progress.done('node1', 'upgraded');
      progress.update('node2', 'draining');
      await shown(screen, 'node2  Draining');
      abort.abort(new AbortError());
      await progress.close();
    });
    expect(await lines(screen)).toEqual([
      '- Upgrading (interrupted)',
      '  ✓ node1  Upgraded [TIME]',
      '  - node2  Interrupted',
      '  - node3',
    ]);
  });

  test('a stage without reports is not shown', async () => {
    const screen = createScreen();
    const value = await terminalReporter(screen).stage('debian-13', async (stage) => {
      await stage.stage('nothing to do either', async () => {});
      return 'built';
    });
    expect([value, await screen.lines()]).toEqual(['built', []]);
  });

  test('machines that do not fit are summarized below the tree', async () => {
    const screen = createScreen(60, 16);
    const names = Array.from({ length: 97 }, (_, index) => `node${index + 1}`);
    await terminalReporter(screen).stage('Creating 97 machines', async (stage) => {
      const progress = stage.open(names);
      for (const name of names) progress.update(name, 'booting');
      await shown(screen, '… 93 more running');
      expect((await screen.lines())[0]).toBe('⠋ Creating 97 machines');
      for (const name of names) progress.done(name, 'ready');
      await progress.close();
    });
    expect(await lines(screen)).toEqual(['✓ 97/97 done  0.0s', '✓ Creating 97 machines [TIME]']);
  });

  test('a tree that is higher than the terminal shows its end while it runs', async () => {
    const screen = createScreen(60, 10);
    await terminalReporter(screen).stage('Installing', async (stage) => {
      for (let number = 1; number <= 20; number++) stage.step(`package ${number}`);
      await shown(screen, 'Package 20');
      expect((await screen.lines()).length).toBe(6);
    });
    expect((await screen.lines()).length).toBe(21);
  });
});

describe('progress in a real pseudo-terminal', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(root, 'node_modules', '.belt-ui-'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  /** Sharing the screen with stdout shows that the lines are live. */
  async function run(name: string, body: string): Promise<{ output: string; exitCode: number }> {
    const contents = `import { createReporter } from './src/ui/create-reporter.ts';
      const sharing = [process.stdout, process.stderr];
      const reporter = createReporter({ stream: process.stderr, mode: 'terminal', color: true, sharing });
      ${body}`;
    const outfile = join(folder, `${name}.mjs`);
    await build({
      stdin: { contents, resolveDir: root },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
    });
    const { writes, exitCode } = await record([process.execPath, outfile], { columns: 60, rows: 12 });
    return { output: writes.map(({ data }) => data).join(''), exitCode };
  }

  test('results on stdout and progress on stderr share the screen', async () => {
    const { output, exitCode } = await run(
      'results',
      `const unshared = process.stdout.write;
       const progress = reporter.open(['node1']);
       progress.update('node1', 'joining');
       while (process.stdout.write === unshared) await new Promise((resolve) => setTimeout(resolve, 20));
       console.log('node1: joined');
       progress.done('node1', 'joined');
       await progress.close();
       console.log('NAME');`,
    );
    const screen = createScreen(60, 12);
    screen.stream.write(output);
    const lines = (await screen.lines()).map((line) => line.replace(/\d+\.\ds$/, 'TIME'));
    expect({ lines, exitCode }).toEqual({
      lines: ['node1: joined', '✓ node1  Joined    TIME', 'NAME'],
      exitCode: 0,
    });
  });

  test('a process that exits in the middle restores the cursor', async () => {
    const { output, exitCode } = await run(
      'crash',
      `const unshared = process.stdout.write;
       reporter.open(['node1']).update('node1', 'booting');
       setInterval(() => { if (process.stdout.write !== unshared) throw new Error('crash'); }, 20);`,
    );
    const screen = createScreen(60, 12);
    screen.stream.write(output);
    expect({ hidden: output.includes('\x1b[?25l'), visible: await screen.cursorVisible(), exitCode }).toEqual(
      {
        hidden: true,
        visible: true,
        exitCode: 1,
      },
    );
  });
});

describe('plain progress', () => {
  function plain(clock: Clock): { reporter: Reporter; text: () => string } {
    let written = '';
    const stream = new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, done) {
        written += chunk;
        done();
      },
    });
    const reporter = createReporter({ stream, mode: 'plain', color: true, now: () => clock.nowMs });
    return { reporter, text: () => written };
  }

  test('plain progress prints one line per change, without colors', async () => {
    const clock = { nowMs: 0 };
    const { reporter, text } = plain(clock);
    const progress = reporter.open(['node1', 'node2', 'node3', 'node4']);
    progress.update('node1', 'booting');
    progress.update('node1', 'booting');
    reporter.note('node0 is there already');
    reporter.warn('the kernel has no IPVS');
    clock.nowMs = 2100;
    progress.update('node2', 'booting');
    progress.update('node3', 'booting');
    progress.done('node1', 'ready');
    progress.update('node1', 'too late');
    progress.failed('node2', 'the engine did not come up\nlast line of its journal');
    await progress.close();
    expect(text()).toBe(
      [
        'node1: Booting',
        'node0 is there already',
        'warning: the kernel has no IPVS',
        'node2: Booting',
        'node3: Booting',
        'node1: Ready (2.1s)',
        'node2: failed: the engine did not come up',
        '  last line of its journal',
        'node3: Interrupted',
        'node4: Skipped',
        '',
      ].join('\n'),
    );
  });

  test('plain progress of a stage has lines for its steps, its retries and its end', async () => {
    const clock = { nowMs: 0 };
    const { reporter, text } = plain(clock);
    await reporter.stage('debian-13', async (stage) => {
      stage.step('unpacking', 0.1);
      stage.retry('the mirror does not answer');
      clock.nowMs = 1500;
    });
    const failing = reporter.stage('Joining 1 node', async (stage) => {
      const progress = stage.open(['node1']);
      progress.failed('node1', 'node1: it is off');
      await progress.close();
      throw new ExternalError('no node joined');
    });
    await expect(failing).rejects.toThrow('no node joined');
    expect(text()).toBe(
      [
        'debian-13: Unpacking 10%',
        'debian-13: Retrying: the mirror does not answer',
        'debian-13: Done (1.5s)',
        'Joining 1 node: Started',
        'node1: failed: it is off',
        'Joining 1 node: failed: no node joined',
        '',
      ].join('\n'),
    );
  });

  test('plain progress does not repeat a state for another reason, and shows the time on request', async () => {
    const { reporter, text } = plain({ nowMs: 0 });
    const progress = reporter.open(['node1']);
    for (const reason of ['', ' (no answer within 0.5 s)', ' (refused)', ' (no answer within 0.5 s)'])
      progress.update('node1', `waiting for SSH${reason}`);
    expect(text()).toBe('node1: Waiting for SSH\n');
    const written: string[] = [];
    const stream = { write: (line: string) => written.push(line) } as unknown as TerminalStream;
    createReporter({ stream, mode: 'plain', color: false, timestamps: true }).note('done');
    expect(written.join('')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z done\n$/);
  });

  test('quiet progress shows failures and warnings only', () => {
    const written: string[] = [];
    const stream = { write: (line: string) => written.push(line) } as unknown as TerminalStream;
    const reporter = createReporter({ stream, mode: 'quiet', color: false });
    const progress = reporter.open(['node1', 'node2']);
    progress.update('node1', 'booting');
    progress.failed('node1', 'node1: no disk left');
    progress.done('node2', 'ready');
    reporter.note('next');
    reporter.warn('careful');
    expect(written).toEqual(['error: node1: no disk left\n', 'warning: careful\n']);
  });

  test('a plain step is capitalized unless a name precedes it', async () => {
    const { reporter, text } = plain({ nowMs: 0 });
    const progress = reporter.open(['node1']);
    progress.update('node1', 'waiting for SSH');
    progress.update('node1', 'docker.io: installing');
    progress.done('node1', 'mg-a leads');
    await progress.close();
    expect(text()).toBe('node1: Waiting for SSH\nnode1: docker.io: installing\nnode1: mg-a leads (0.0s)\n');
  });

  test('plain progress prints a line for every tenth of a measured step', async () => {
    const { reporter, text } = plain({ nowMs: 0 });
    const progress = reporter.open(['image']);
    for (let percent = 0; percent <= 100; percent++) progress.update('image', 'unpacking', percent / 100);
    progress.done('image');
    await progress.close();
    const tenths = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((percent) => `image: Unpacking ${percent}%`);
    expect(text()).toBe(['image: Unpacking', ...tenths, 'image: Done (0.0s)', ''].join('\n'));
  });
});

test('silent progress prints nothing', async () => {
  const screen = createScreen();
  const reporter = createReporter({ stream: screen.stream, mode: 'silent', color: true });
  const progress = reporter.open(['node1']);
  progress.update('node1', 'booting');
  progress.failed('node1', 'reason');
  expect(await reporter.stage('stage', async (stage) => stage.step('step'))).toBeUndefined();
  reporter.note('note');
  reporter.warn('warning');
  await progress.close();
  expect(await screen.lines()).toEqual([]);
});
