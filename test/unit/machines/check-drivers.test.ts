import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AbortError, ExternalError } from '../../../src/base/errors.js';
import type { Check } from '../../../src/drivers/driver.js';
import { diagnose, isHealthy, isReady, repair } from '../../../src/machines/check-drivers.js';
import { MemoryDriver } from '../support/memory-driver.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
});

afterEach(() => bed.close());

const good: Check = { name: 'root', ok: true, detail: 'yes' };
const bad: Check = { name: 'debootstrap', ok: false, detail: 'not installed' };

test('all named drivers are checked', async () => {
  const other = new MemoryDriver();
  other.doctor = async () => [bad];
  bed.drivers.set('other', other);
  bed.driver.doctor = async () => [good];
  expect(await diagnose(bed.context, ['memory', 'other'])).toEqual([
    { driver: 'memory', checks: [good] },
    { driver: 'other', checks: [bad] },
  ]);
});

test('a driver that cannot be opened or checked is reported and does not affect others', async () => {
  bed.driver.doctor = async () => [good];
  const other = new MemoryDriver();
  other.doctor = async () => {
    throw new ExternalError('no answer', { hint: 'wait' });
  };
  bed.drivers.set('other', other);
  expect(await diagnose(bed.context, ['memory', 'other'])).toEqual([
    { driver: 'memory', checks: [good] },
    { driver: 'other', checks: [{ name: 'driver', ok: false, detail: 'no answer (try: wait)' }] },
  ]);
});

test('an interruption stops all checks', async () => {
  bed.driver.doctor = async (signal = bed.context.signal) => {
    bed.interrupt();
    signal.throwIfAborted();
    return [];
  };
  await expect(diagnose(bed.context, ['memory'])).rejects.toThrow(AbortError);
});

test.each([
  [[good], true],
  [[], true],
  [[good, bad], false],
  [[good, { ...bad, optional: true }], true],
])('the checks %j are healthy: %j', (checks, healthy) => {
  expect(isHealthy({ driver: 'memory', checks })).toBe(healthy);
});

test('only the driver in use must be healthy, or any one if none is set', () => {
  const diagnoses = [
    { driver: 'one', checks: [good] },
    { driver: 'other', checks: [bad] },
  ];
  expect(isReady(diagnoses, 'one')).toBe(true);
  expect(isReady(diagnoses, 'other')).toBe(false);
  expect(isReady(diagnoses, undefined)).toBe(true);
  expect(isReady(diagnoses.slice(1), undefined)).toBe(false);
});

describe('repair', () => {
  test('repair fixes each problem that can be fixed once, and checks again', async () => {
    const fixed: string[] = [];
    const install = async (): Promise<void> => void fixed.push('packages');
    const load = async (): Promise<void> => void fixed.push('module');
    const checks: Check[] = [
      { ...good, fix: async () => void fixed.push('nothing') },
      { ...bad, fix: install },
      { ...bad, name: 'systemd-nspawn', fix: install },
      { ...bad, name: 'overlay', fix: load },
      { ...bad, name: 'memory' },
    ];
    bed.driver.doctor = async () => [good];
    expect(await repair([{ driver: 'memory', checks }], bed.context)).toEqual([
      { driver: 'memory', checks: [good] },
    ]);
    expect(fixed).toEqual(['packages', 'module']);
    expect(bed.reporter.lines.filter((line) => line.endsWith(' done'))).toHaveLength(2);
  });

  test('repair stops at a fix that fails, and shows it', async () => {
    const fix = (): Promise<void> => Promise.reject(new ExternalError('apt-get ended with 100'));
    await expect(repair([{ driver: 'memory', checks: [{ ...bad, fix }] }], bed.context)).rejects.toThrow(
      'apt-get ended with 100',
    );
    expect(bed.reporter.lines).toEqual([
      'stage Fixing what is missing or left over',
      'Fixing what is missing or left over: fixing debootstrap',
      'Fixing what is missing or left over failed: apt-get ended with 100',
    ]);
  });
});
