/**
 * Builds dist/: every command is an entry of its own and shares chunks with the others, so that a command loads only what it
 * uses, from few files. Measured reasons are in docs/dependencies.md. Also writes oclif's manifest, which spares each start
 * from loading all commands.
 */
import { rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Plugin } from '@oclif/core';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));

await rm('dist', { recursive: true, force: true });
await rm('oclif.manifest.json', { force: true });

// Parts of ssh2 that it loads at start and belt never uses; cpu-features is native, and changes nothing where the CPU has AES.
/** @type {import('esbuild').Plugin} */
const withoutUnused = {
  name: 'without-unused',
  setup(build) {
    build.onResolve({ filter: /^cpu-features$/ }, ({ path }) => ({ path, namespace: 'unused' }));
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: 'module.exports = () => undefined',
    }));
    build.onLoad({ filter: /node_modules\/ssh2\/lib\/(server|http-agents|keygen)\.js$/ }, () => ({
      contents: 'module.exports = {}',
    }));
  },
};

// `env`, `config` and `url` answer in the time of bare start-up: all that they load is one file.
const local = 'src/cli/fast-path/index.ts';
/** @type {import('esbuild').Plugin} */
const withoutLocal = {
  name: 'without-local',
  setup(build) {
    build.onResolve({ filter: /^\.\/fast-path\/index\.js$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** @type {import('esbuild').BuildOptions} */
const options = {
  outdir: 'dist',
  outbase: 'src',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  mainFields: ['module', 'main'],
  external: ['*.node', 'typescript', 'ts-node', 'tsx'],
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  define: {
    // write-file-atomic is CommonJS and uses it.
    __filename: 'import.meta.filename',
    // The AWS SDK tells whoever starts it under Node 20 which Node its later versions want: for the reader of package.json, not for belt's users.
    'process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED': '"true"',
  },
  logLevel: 'warning',
  // What CommonJS packages expect to find.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module';",
      'const require = __createRequire(import.meta.url);',
      'const __dirname = import.meta.dirname;',
    ].join(' '),
  },
};
await build({
  ...options,
  plugins: [withoutUnused, withoutLocal],
  entryPoints: ['src/cli/main.ts', 'src/cli/help.ts', 'src/commands/**/*.ts'],
});
await build({ ...options, entryPoints: [local] });

const plugin = new Plugin({ root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true });
await plugin.load();
await writeFile('oclif.manifest.json', `${JSON.stringify(plugin.manifest, null, 2)}\n`);
