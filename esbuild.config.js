/**
 * Builds dist/. Every command is its own entry point and shares chunks with the others, so that a
 * command loads only what it uses, from few files (measurements: docs/dependencies.md). Also writes
 * oclif's manifest, without which every start would load all commands. Both replace the old files in
 * one step, so that a belt that is running never sees half a build.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Plugin } from '@oclif/core';
import { build } from 'esbuild';
import { coreChunk } from './build/core-chunk.js';
import { manPage } from './build/man-page.js';
import { thirdPartyNotices } from './build/notices.js';
import { replaceDist } from './build/replace-dist.js';

const root = fileURLToPath(new URL('.', import.meta.url));
const fresh = `dist.new-${process.pid}`;

// ssh2 loads these at start, and belt never uses them. cpu-features is a native module that only
// matters on CPUs without AES instructions.
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

// `env`, `config` and `url` load a single file, so they take no longer than a bare start. So does
// `docker` where this computer's client can connect at once.
const fastPaths = ['src/cli/fast-path/index.ts', 'src/cli/fast-path/docker.ts'];
/** @type {import('esbuild').Plugin} */
const withoutFastPath = {
  name: 'without-fast-path',
  setup(build) {
    build.onResolve({ filter: /^\.\/fast-path\/(index|docker)\.js$/ }, ({ path }) => ({
      path,
      external: true,
    }));
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
  minifyIdentifiers: true,
  keepNames: true,
  // THIRD-PARTY-NOTICES has them.
  legalComments: 'none',
  sourcemap: 'linked',
  sourcesContent: false,
  define: {
    // write-file-atomic is CommonJS and uses it.
    __filename: 'import.meta.filename',
    // With another value, oclif looks for TypeScript sources and warns that there are none.
    'process.env.NODE_ENV': '"production"',
    // The AWS SDK's warning about Node 20 is for developers, not for belt's users.
    'process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED': '"true"',
  },
  logLevel: 'warning',
  // CommonJS packages expect these variables.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module';",
      'const require = __createRequire(import.meta.url);',
      'const __dirname = import.meta.dirname;',
    ].join(' '),
  },
};
const { metafile } = await build({
  ...options,
  metafile: true,
  plugins: [withoutUnused, withoutFastPath, coreChunk(root)],
  entryPoints: ['src/cli/main.ts', 'src/cli/help.ts', 'src/commands/**/*.ts'],
});
const fastPathMetafiles = await Promise.all(fastPaths.map(buildFastPath));
await replaceBuild();
await replaceFile('THIRD-PARTY-NOTICES', await thirdPartyNotices([metafile, ...fastPathMetafiles]));

/** Chunks that only tree-shaken code imports, node-forge among them, are not written. */
async function buildFastPath(/** @type {string} */ fastPath) {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: [fastPath],
    write: false,
    metafile: true,
  });
  const entry = fastPath.replace('src', fresh).replace(/ts$/, 'js');
  const loaded = new Set([entry]);
  for (const file of loaded)
    for (const { path, external } of metafile.outputs[file]?.imports ?? []) if (!external) loaded.add(path);
  for (const { path, contents } of outputFiles) {
    const file = path.slice(root.length).replace(/\.map$/, '');
    if (!loaded.has(file)) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  }
  return metafile;
}

/** The manifest is replaced after the commands that it lists. */
async function replaceBuild() {
  const pjson = JSON.parse(await readFile('package.json', 'utf8'));
  pjson.oclif.commands = `./${fresh}/commands`;
  const plugin = new Plugin({ root, type: 'core', pjson, ignoreManifest: true, errorOnManifestCreate: true });
  await plugin.load();
  const manifest = `${JSON.stringify(plugin.manifest)}\n`.replaceAll(`"${fresh}"`, '"dist"');
  await writeFile(`${fresh}/belt.1`, manPage(plugin.manifest.commands, pjson));
  // tsc writes the types.
  await replaceDist(fresh, 'dist', ['types']);
  await replaceFile('oclif.manifest.json', manifest);
}

/** @param {string} file @param {string} text */
async function replaceFile(file, text) {
  await writeFile(`${file}.${process.pid}`, text);
  await rename(`${file}.${process.pid}`, file);
}
