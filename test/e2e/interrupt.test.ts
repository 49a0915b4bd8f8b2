import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** The same command resumes a create that was interrupted at any moment. */
describe.skipIf(!canCreateMachines())('interrupted create', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
  });
  afterAll(() => belt.dispose());

  const interruptAt = async (
    pattern: RegExp,
    signal: NodeJS.Signals,
  ): Promise<{ code: number | null; stderr: string }> => {
    const child = belt.spawn(['create', '512mb', 'node[1:3]']);
    let stderr = '';
    let sent = false;
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      if (!sent && pattern.test(stderr)) {
        sent = true;
        child.kill(signal);
      }
    });
    const code = await new Promise<number | null>((done) => child.on('close', done));
    expect(sent).toBe(true);
    return { code, stderr };
  };

  const engines = async (): Promise<string[]> => {
    const info = 'docker info --format "{{.Name}} {{.ServerVersion}}"';
    return (await belt.ok(['exec', 'node[1:3]', '--', info])).trimEnd().split('\n').sort();
  };

  test.each([
    { moment: 'as soon as a machine is worked on', pattern: /^node\d: /m, signal: 'SIGINT' as const },
    { moment: 'while waiting for SSH', pattern: /Waiting for SSH/, signal: 'SIGINT' as const },
    { moment: 'by kill -9', pattern: /Waiting for SSH/, signal: 'SIGKILL' as const },
    {
      moment: 'when the first machine is ready',
      pattern: /: Ready/,
      signal: 'SIGINT' as const,
      late: true,
    },
  ])('$moment', async ({ pattern, signal, late }) => {
    const { code, stderr } = await interruptAt(pattern, signal);
    // The others may become ready before the signal arrives.
    const isEnded = late === true && code === 0;
    if (signal === 'SIGINT' && !isEnded) {
      expect(code).toBe(130);
      expect(stderr).toContain("belt create 512mb 'node[1:3]'");
    }
    const recorded = (await belt.list()) as { name: string }[];
    expect(recorded.map(({ name }) => name)).toEqual(['node1', 'node2', 'node3']);

    if (!isEnded) await belt.ok(['create', '512mb', 'node[1:3]']);
    expect(await engines()).toEqual(
      [1, 2, 3].map((index) => expect.stringMatching(`^node${index}: node${index} \\d+`)),
    );
    const machines = (await belt.list()) as { address: string }[];
    expect(new Set(machines.map(({ address }) => address)).size).toBe(3);
    await belt.ok(['rm', '--all', '--yes']);
    recordFault({
      kind: 'Killed and interrupted',
      fault: '`create` of three machines gets SIGINT or SIGKILL',
    });
  });
});
