import { readFile } from 'node:fs/promises';

/**
 * Small modules that most commands load. They import only each other, so that their chunk needs no
 * other one.
 */
export const coreModules = [
  'app/batch-report',
  'app/fan-out',
  'base/closest',
  'base/errno',
  'base/errors',
  'base/files',
  'base/group-by',
  'base/map-limit',
  'base/natural-order',
  'base/plural',
  'base/quote-args',
  'base/selected-cluster',
  'base/size-limit',
  'certs/model/certificate-terms',
  'certs/model/server-names',
  'cli/command-line',
  'cli/exit-codes',
  'cli/global-flags',
  'cli/go-flags',
  'cli/interrupt-signals',
  'cli/output',
  'cli/output-errors',
  'cli/print-error',
  'drivers/registry',
  'machines/active-machine',
  'machines/model/fold-names',
  'machines/model/machine',
  'machines/model/patterns',
  'machines/model/select-names',
  'machines/select-machines',
  'state/environment',
  'ui/colors',
  'ui/format-error',
  'ui/safe-text',
  'ui/text-width',
];

/**
 * Puts them into one chunk: esbuild makes one for each set of entry points, and every file costs a
 * start up to a millisecond. Every other module imports all of them, so their sets are equal.
 * @param {string} root the folder of the package, with a trailing slash
 * @returns {import('esbuild').Plugin}
 */
export function coreChunk(root) {
  const files = coreModules.map((path) => `${root}src/${path}.ts`);
  const imports = files.map((path) => `import ${JSON.stringify(path)};`).join('');
  return {
    name: 'core-chunk',
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        if (files.includes(path) || !path.startsWith(`${root}src/`)) return undefined;
        return { contents: `${imports}${await readFile(path, 'utf8')}`, loader: 'ts' };
      });
    },
  };
}
