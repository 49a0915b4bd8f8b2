import { expect, test } from 'vitest';
import { manPage } from '../../../build/man-page.js';

const pjson = { version: '1.2.3', description: 'Create machines' };
const command = {
  id: 'swarm:rm',
  summary: 'Remove nodes',
  description: ".belt is a folder\n\n  'indented' \\ as it is",
  args: {},
  flags: {
    force: { type: 'boolean', name: 'force', char: 'f', summary: 'Do not ask' },
    except: { type: 'option', name: 'except', helpValue: 'NODES', summary: 'Leave out' },
    debug: { type: 'boolean', name: 'debug', helpGroup: 'GLOBAL' },
    secret: { type: 'option', name: 'secret', hidden: true },
  },
  usage: 'swarm rm NODES...',
  examples: [{ description: 'Remove one', command: '<%= config.bin %> swarm rm node1' }],
} as unknown as Parameters<typeof manPage>[0][string];

test('the manual has a section per command', () => {
  expect(manPage({ 'swarm:rm': command }, pjson).split('.SH COMMANDS\n')[1]).toBe(
    String.raw`.SS belt swarm rm
Remove nodes.
.PP
.B belt
swarm rm NODES...
.PP
\&.belt is a folder
.PP
.nf
  'indented' \e as it is
.fi
.TP
.B \-f, \-\-force
Do not ask
.TP
.B \-\-except=NODES
Leave out
.PP
Remove one:
.IP
.nf
belt swarm rm node1
.fi
`,
  );
});

test('hidden commands are not in the manual', () => {
  expect(manPage({ x: { ...command, hidden: true } }, pjson)).not.toContain('.SS');
});
