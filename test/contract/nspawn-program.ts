import { resolve } from 'node:path';
import { templatesIn } from '../../src/base/templates.js';
import { driver } from '../../src/drivers/nspawn/index.js';

/**
 * Runs the driver in another process, as another belt does: executes the order in its argument and
 * prints the results as JSON, one value per line.
 */

export interface Order {
  action: 'create' | 'list' | 'check';
  settings: Record<string, string>;
  templates: string;
  cluster: { id: string; name: string };
  requests: Parameters<Awaited<ReturnType<typeof driver.open>>['create']>[0];
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
const { signal } = new AbortController();
const nspawn = await driver.open({
  settings: order.settings,
  cluster: order.cluster,
  templates: templatesIn(resolve(order.templates)),
  user: { resolvePath: (path) => resolve(path), defaultKeyPaths: [] },
});

if (order.action === 'create') {
  for await (const event of nspawn.create(order.requests, signal)) print(event);
} else if (order.action === 'list') {
  print(await nspawn.list([], signal));
} else {
  await nspawn.check(order.requests, signal).then(
    () => print('fine'),
    (error: Error) => print(error.message),
  );
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
