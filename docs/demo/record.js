/**
 * Runs a command in a terminal and draws what it showed:
 * `node docs/demo/record.js [--output FILE] [--title TEXT] [-- COMMAND...]`.
 * Default: records the demo for the README.
 */

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { replay } from './frames.js';
import { drawPicture } from './picture.js';
import { record } from './recording.js';
import { shorten } from './timeline.js';

const columns = 100;
const rows = 30;
/** Longer recordings run faster. */
const longestMs = 45_000;
const endPauseMs = 6000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: 'string', default: fileURLToPath(new URL('demo.svg', import.meta.url)) },
    title: { type: 'string' },
  },
});

const command = positionals.length > 0 ? positionals : [fileURLToPath(new URL('demo.sh', import.meta.url))];
const title = values.title ?? (positionals.length > 0 ? command.join(' ') : 'npm run demo');

const recording = await record(command, { columns, rows, onData: (data) => process.stdout.write(data) });
if (recording.exitCode === 0) {
  const frames = shorten(await replay(recording.writes, { columns, rows }), { longestMs });
  const picture = drawPicture(frames, { columns, title, endPauseMs });
  await writeFile(values.output, picture);
  console.error(`${values.output}: ${frames.length} frames, ${Math.ceil(picture.length / 1024)} KB`);
} else {
  console.error(`no picture drawn: the command ended with exit code ${recording.exitCode}`);
  process.exitCode = 1;
}
