import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ExternalError } from '../../../../src/base/errors.js';
import { templatesIn } from '../../../../src/base/templates.js';
import { parseFacts } from '../../../../src/engine/model/facts.js';
import { parseOsRelease } from '../../../../src/engine/model/os-release.js';

/** Runs the real script in the local shell. */
describe.skipIf(process.platform !== 'linux')('the facts script', () => {
  const mark = 'belt-0123456789abcdef';
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'belt-facts-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function run(before = ''): Promise<string> {
    const text = await templatesIn(resolve('templates')).render('engine/facts.sh', {
      mark,
      read: `${folder}/read ${folder}/missing`,
      checked: `${folder}/read ${folder}/missing`,
    });
    const env = { ...process.env, LC_ALL: 'de_DE.UTF-8' };
    return execFileSync('/bin/sh', ['-s', 'sudo'], { input: `${before}\n${text}`, encoding: 'utf8', env });
  }

  test('the facts script reports the machine, whatever a login prints', async () => {
    const content = `{ "a": "${mark} os-release" }\n\n`;
    writeFileSync(join(folder, 'read'), content);
    const facts = parseFacts(await run('echo "Welcome!"; echo; echo "ID=plan9"'), mark);
    expect(facts.access).toBe('sudo');
    expect(Math.abs(facts.clock - Date.now() / 1000)).toBeLessThan(5);
    expect(facts.hostname).toBe(hostname());
    expect(facts.os.id).not.toBe('plan9');
    expect(facts.files).toEqual(new Map([[`${folder}/read`, content]]));
    const sum = createHash('sha256').update(content).digest('hex');
    expect(facts.sums).toEqual(new Map([[`${folder}/read`, sum]]));
    expect(facts.freeKib).toBeGreaterThan(0);
  });

  test('parseFacts refuses truncated output', async () => {
    const whole = await run();
    const cut = whole.slice(0, whole.indexOf(`${mark} end`));
    expect(() => parseFacts(cut, mark)).toThrow(ExternalError);
    expect(() => parseFacts('This account is not available.\n', mark)).toThrow(ExternalError);
  });
});

test('parseOsRelease reads every kind of quoting', () => {
  const text = `# comment\nNAME="Rocky \\"Linux\\""\nID='rocky'\nID_LIKE="rhel centos  fedora"\nVERSION_ID=9.4\nPRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"\nBROKEN\n`;
  expect(parseOsRelease(text)).toEqual({
    id: 'rocky',
    idLike: ['rhel', 'centos', 'fedora'],
    versionId: '9.4',
    platformId: '',
    prettyName: 'Rocky Linux 9.4 (Blue Onyx)',
  });
  const unknown = { id: '', idLike: [], versionId: '', platformId: '', prettyName: 'an unknown system' };
  expect(parseOsRelease('')).toEqual(unknown);
});

test.each([
  ['\uFEFFID=debian\r\nVERSION_ID="12"\r\n', { id: 'debian', versionId: '12' }],
  ['ID="debian" # stable\nVERSION_ID=12 # bookworm', { id: 'debian', versionId: '12' }],
  ['ID="debian\nVERSION_ID=\'12\r', { id: 'debian', versionId: '12' }],
  ['ID=old\nID=debian\n#ID=other', { id: 'debian' }],
  ['ID=openEuler\nID_LIKE="RHEL,fedora"', { id: 'openeuler', idLike: ['rhel', 'fedora'] }],
  ['NAME="Void Linux"\nPRETTY_NAME=""', { id: '', prettyName: 'Void Linux' }],
  ['ID=void', { prettyName: 'void' }],
])('parseOsRelease reads %j', (text, expected) => {
  expect(parseOsRelease(text)).toMatchObject(expected);
});
