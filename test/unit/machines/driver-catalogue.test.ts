import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Driver } from '../../../src/drivers/driver.js';
import { memorySizes } from '../../../src/drivers/kit/memory-size.js';
import { listRegions, listSizes } from '../../../src/machines/driver-catalogue.js';
import { planMachines } from '../../../src/machines/plan-creation.js';
import { planList, regionTable, sizeTable } from '../../../src/machines/views/machine-tables.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
beforeEach(async () => {
  bed = await openTestBed();
});
afterEach(() => bed.close());

const plan = async (...names: string[]) => {
  const outcomes = await planMachines({ names, driver: 'memory', size: '1gb', timeoutMs: 1000 }, bed.context);
  return outcomes.flatMap((outcome) => (outcome.status === 'ok' ? [outcome.value] : []));
};

test('sizes and regions are an error with drivers that have none', async () => {
  await expect(listSizes('memory', bed.context)).rejects.toThrow(
    'driver memory has no sizes: it does not report any',
  );
  await expect(listRegions('memory', bed.context)).rejects.toThrow('driver memory has no regions');
  Object.assign(bed.driver, { adopt: async () => [] });
  await expect(listSizes('memory', bed.context)).rejects.toThrow('it adopts existing servers');
});

test("a dry run shows the driver's plan and changes nothing", async () => {
  const details: Driver['plan'] = async (specs) =>
    specs.map(({ name }) => ({
      name,
      size: 's-1vcpu-1gb',
      memory: 1024,
      image: 'debian-13',
      region: 'nyc3',
      monthlyPrice: 6,
    }));
  Object.assign(bed.driver, { plan: details });
  const plans = await plan('node1', 'node2');
  expect(planList(plans, { color: false })).toBe(
    [
      'node1',
      '  - create it: driver memory, size s-1vcpu-1gb (1gb), image debian-13, region nyc3, $6.00 a month',
      '  - set up Docker Engine, and install it unless the image has it',
      'node2',
      '  - create it: driver memory, size s-1vcpu-1gb (1gb), image debian-13, region nyc3, $6.00 a month',
      '  - set up Docker Engine, and install it unless the image has it',
      'Total: $12.00 a month',
    ].join('\n'),
  );
  expect(bed.driver.calls).toEqual(['check node1 node2']);
  expect(await bed.files()).toEqual([]);
});

test('a dry run shows names and sizes with a driver that has no plan, and refuses existing names', async () => {
  expect(await plan('node1')).toMatchObject([{ name: 'node1', size: '1gb', address: '' }]);
  await bed.running('node1');
  await expect(plan('node1')).rejects.toThrow('"node1" already exists');
});

test('sizes of drivers on this computer are amounts of memory', () => {
  expect(memorySizes(2000).map(({ name }) => name)).toEqual(['256mb', '512mb', '1gb']);
  expect(sizeTable(memorySizes(300))).toMatch(/^SIZE +MEMORY +CPUS +DISK +PRICE\n256mb +256mb +- +- +-$/);
});

test('tables show prices, and regions with -o wide', () => {
  const size = { name: 's', memory: 512, cpus: 1, disk: 10, monthlyPrice: 4, regions: ['fra1', 'nyc3'] };
  expect(sizeTable([size], { wide: true })).toMatch(/s +512mb +1 +10gb +\$4.00 a month +fra1,nyc3$/);
  expect(regionTable([{ name: 'nyc1', title: 'New York 1', available: false }])).toMatch(
    /nyc1 +New York 1 +no$/,
  );
});
