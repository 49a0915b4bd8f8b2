import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Frame, replay } from '../../../docs/demo/frames.js';
import { drawPicture, escapeText } from '../../../docs/demo/picture.js';
import { record } from '../../../docs/demo/recording.js';
import { shorten } from '../../../docs/demo/timeline.js';

const size = { columns: 20, rows: 3 };

/** A frame with a text in its first row. */
function frame(atMs: number, text: string): Frame {
  return { atMs, rows: [[{ column: 0, width: text.length, text, style: {} }], [], []], cursor: undefined };
}

function textsOf(frames: readonly Frame[]): [number, string | undefined][] {
  return frames.map(({ atMs, rows }) => [atMs, rows[0]?.[0]?.text]);
}

describe('replay', () => {
  test('replay converts styles, spaces and wide characters to runs', async () => {
    const frames = await replay(
      [{ atMs: 5, data: '\x1b[?25l\x1b[1;32mok\x1b[0m  a b ✓\r\n\x1b[7m x\x1b[0m日本' }],
      size,
    );
    expect(frames.at(-1)).toEqual({
      atMs: 5,
      cursor: undefined,
      rows: [
        [
          { column: 0, width: 2, text: 'ok', style: { color: '2', bold: true } },
          { column: 4, width: 3, text: 'a b', style: {} },
          { column: 8, width: 1, text: '✓', style: {} },
        ],
        [
          { column: 0, width: 1, text: ' ', style: { color: 'window', background: 'text' } },
          { column: 1, width: 1, text: 'x', style: { color: 'window', background: 'text' } },
          { column: 2, width: 4, text: '日本', style: {} },
        ],
        [],
      ],
    });
  });

  test('replay merges writes close together, and drops writes that change nothing', async () => {
    const writes = [
      { atMs: 10, data: 'a' },
      { atMs: 20, data: 'b' },
      { atMs: 500, data: '\x1b[0m' },
      { atMs: 900, data: '\x1b[3;5H' },
    ];
    const frames = await replay(writes, size);
    expect(frames.map(({ atMs, cursor }) => ({ atMs, cursor }))).toEqual([
      { atMs: 0, cursor: { column: 0, row: 0 } },
      { atMs: 20, cursor: { column: 2, row: 0 } },
      { atMs: 900, cursor: { column: 4, row: 2 } },
    ]);
  });
});

describe('shorten', () => {
  test('shorten reduces a wait without changes to a second and a half', () => {
    const frames = [frame(0, ''), frame(100, 'building'), frame(60_000, 'built'), frame(60_400, 'done')];
    expect(textsOf(shorten(frames, { longestMs: 30_000 }))).toEqual([
      [0, ''],
      [100, 'building'],
      [1600, 'built'],
      [2000, 'done'],
    ]);
  });

  test('shorten also reduces a wait in which only a spinner and a clock change', () => {
    const spinner = ['⠋', '⠙', '⠹', '⠸'];
    const waiting = Array.from({ length: 600 }, (_, tenth) =>
      frame(tenth * 100, `${spinner[tenth % 4]} ${(tenth / 10).toFixed(1)}s`),
    );
    const short = textsOf(shorten([...waiting, frame(60_000, 'done')], { longestMs: 30_000 }));
    expect(short.at(-1)).toEqual([1500, 'done']);
    expect(short.map(([, text]) => text)).toEqual([
      '⠋ 0.0s',
      '⠸ 0.3s',
      '⠹ 0.6s',
      '⠹ 59.4s',
      '⠙ 59.7s',
      'done',
    ]);
  });

  test('shorten keeps the limits on length and frame rate, and the last frame', () => {
    const gaps = fc.array(fc.tuple(fc.nat(1400), fc.stringMatching(/^[a-z]{1,5}$/)), {
      minLength: 1,
      maxLength: 100,
    });
    fc.assert(
      fc.property(gaps, (steps) => {
        const frames = [frame(0, '')];
        for (const [gapMs, text] of steps) frames.push(frame((frames.at(-1)?.atMs ?? 0) + gapMs, text));
        const short = textsOf(shorten(frames, { longestMs: 5000 }));
        expect(short.at(-1)?.[1]).toBe(frames.at(-1)?.rows[0]?.[0]?.text);
        expect(short.at(-1)?.[0]).toBeLessThanOrEqual(5000);
        const tooClose = short.filter(([at], index) => index > 0 && at - (short[index - 1]?.[0] ?? 0) < 100);
        expect(tooClose).toEqual([]);
      }),
    );
  });
});

describe('drawPicture', () => {
  const options = { columns: 20, title: 'npm run demo', endPauseMs: 1000 };

  test('drawPicture shows the last content of a row without animation, and animates the others', () => {
    const frames = [frame(0, 'first'), frame(1000, 'second'), frame(2000, 'first'), frame(3000, '<&>')];
    const lines = drawPicture(frames, options).split('\n');
    expect(lines.filter((line) => /^(<defs>)?<g id="r/.test(line))).toEqual([
      '<defs><g id="r0"><text x="0" textLength="42">first</text></g>',
      '<g id="r1"><text x="0" textLength="50.4">second</text></g>',
      '<g id="r2"><text x="0" textLength="25.2">&lt;&amp;&gt;</text></g></defs>',
    ]);
    expect(lines.filter((line) => line.includes('s0'))).toEqual([
      '@keyframes s0{0%{transform:translateY(-19px)}25%{transform:translateY(-38px)}' +
        '50%{transform:translateY(-19px)}75%{transform:translateY(0px)}}#s0{animation:s0 4s step-end infinite}',
      '<svg y="0" width="168" height="19"><g id="s0">' +
        '<use href="#r2" y="14"/><use href="#r0" y="33"/><use href="#r1" y="52"/></g></svg>',
    ]);
  });

  test('drawPicture draws a single frame without animation', () => {
    const picture = drawPicture([frame(0, 'still')], options);
    expect(picture).not.toContain('@keyframes');
    expect(picture).toContain('<svg y="0" width="168" height="19"><use href="#r0" y="14"/></svg>');
  });

  test('the picture is well-formed, contains no script and loads nothing', async () => {
    const writes = Array.from({ length: 40 }, (_, index) => ({
      atMs: index * 150,
      data: `\x1b[38;5;${index * 6}mline ${index} <&"'>\r\n`,
    }));
    const picture = drawPicture(await replay(writes, size), options);
    expect(openTags(picture)).toEqual([]);
    expect(picture.match(/<script|@import|url\(|xlink|on\w+=/g)).toBe(null);
    expect(picture.match(/https?:[^"]*/g)).toEqual(['http://www.w3.org/2000/svg']);
  });

  test('property: any text is escaped for XML', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeText(text)).toMatch(/^([^<>&\p{Cc}\p{Cs}\ufffe\uffff]|&(amp|lt|gt);)*$/u);
      }),
    );
  });
});

/** Returns the tags that are unclosed or closed without being opened. */
function openTags(xml: string): string[] {
  const open: string[] = [];
  for (const [, closing, name = '', empty] of xml.matchAll(/<(\/?)([a-z]+)(?:\s[\w-]+="[^"<]*")*(\/?)>/g)) {
    if (closing && open.at(-1) === name) open.pop();
    else if (!empty) open.push(name);
  }
  return open;
}

describe('record', () => {
  test('record captures the output and the exit code of a command', async () => {
    const { writes, exitCode } = await record(['sh', '-c', 'test -t 1 && stty size; exit 3'], size);
    expect({ text: writes.map(({ data }) => data).join(''), exitCode }).toEqual({
      text: '3 20\r\n',
      exitCode: 3,
    });
  });

  const program = fileURLToPath(new URL('../../../docs/demo/record.js', import.meta.url));

  test('a recording is written only if the command succeeds', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'belt-picture-'));
    const output = join(folder, 'out.svg');
    try {
      const failed = await execa(process.execPath, [program, '--output', output, '--', 'false'], {
        reject: false,
      });
      expect(failed).toMatchObject({
        exitCode: 1,
        stderr: 'no picture drawn: the command ended with exit code 1',
      });
      await expect(readFile(output)).rejects.toThrow('ENOENT');
      await execa(process.execPath, [
        program,
        '--output',
        output,
        '--title',
        'a title',
        '--',
        'echo',
        '--title',
      ]);
      const picture = await readFile(output, 'utf8');
      expect(picture).toContain('<title>a title</title>');
      expect(picture).toContain('>--title</text>');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
