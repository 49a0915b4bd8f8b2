/**
 * Builds dist/: every command is an entry of its own and shares chunks with the others, so that a
 * command loads only what it uses, from few files. Measured reasons are in docs/dependencies.md.
 * Also writes oclif's manifest, which spares each start from loading all commands. Both are written
 * beside the old ones first, so that a belt that runs meanwhile never sees half a build.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Plugin } from '@oclif/core';
import { build } from 'esbuild';
import { replaceDist } from './build/replace-dist.js';

const root = fileURLToPath(new URL('.', import.meta.url));
const fresh = `dist.new-${process.pid}`;

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
const fastPath = 'src/cli/fast-path/index.ts';
/** @type {import('esbuild').Plugin} */
const withoutFastPath = {
  name: 'without-fast-path',
  setup(build) {
    build.onResolve({ filter: /^\.\/fast-path\/index\.js$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** @type {import('esbuild').BuildOptions} */
const options = {
  outdir: fresh,
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
  plugins: [withoutUnused, withoutFastPath],
  entryPoints: ['src/cli/main.ts', 'src/cli/help.ts', 'src/commands/**/*.ts'],
});
await buildFastPath();
await replaceBuild();

/**
 * The chunks that the fast path loads have the same names and contents as in the main build. Those
 * that it imports only in code that was shaken off, node-forge among them, are not written.
 */
async function buildFastPath() {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: [fastPath],
    write: false,
    metafile: true,
  });
  const entry = `${fresh}/cli/fast-path/index.js`;
  const loaded = new Set([entry]);
  for (const file of loaded)
    for (const { path, external } of metafile.outputs[file]?.imports ?? []) if (!external) loaded.add(path);
  for (const { path, contents } of outputFiles) {
    const file = path.slice(root.length).replace(/\.map$/, '');
    if (!loaded.has(file)) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  }
}

/** The manifest comes after the commands it lists. */
async function replaceBuild() {
  const pjson = JSON.parse(await readFile('package.json', 'utf8'));
  pjson.oclif.commands = `./${fresh}/commands`;
  const plugin = new Plugin({ root, type: 'core', pjson, ignoreManifest: true, errorOnManifestCreate: true });
  await plugin.load();
  const manifest = `${JSON.stringify(plugin.manifest, null, 2)}\n`.replaceAll(`"${fresh}"`, '"dist"');
  // tsc writes the types.
  await replaceDist(fresh, 'dist', ['types']);
  await writeFile(`oclif.manifest.json.${process.pid}`, manifest);
  await rename(`oclif.manifest.json.${process.pid}`, 'oclif.manifest.json');
}
