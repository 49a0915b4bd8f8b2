import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** For packages that name a license and do not contain its text. */
const standardTexts = new Map([
  ['Apache-2.0', fileURLToPath(new URL('../LICENSE', import.meta.url))],
  ['MIT', fileURLToPath(new URL('mit-license.txt', import.meta.url))],
]);

/**
 * The licenses of all packages whose code is in the bundle. Packages with one text share it.
 * @param {readonly import('esbuild').Metafile[]} metafiles
 * @throws {Error} for a package with neither a license text nor the name of a known license
 */
export async function thirdPartyNotices(metafiles) {
  /** @type {Map<string, Set<string>>} */
  const packagesByText = new Map();
  for (const folder of bundledPackages(metafiles)) {
    const { title, text } = await readLicense(folder);
    packagesByText.set(text, (packagesByText.get(text) ?? new Set()).add(title));
  }
  const sections = [...packagesByText].map(([text, titles]) => `${[...titles].join('\n')}\n\n${text}\n`);
  return ['belt contains code from these packages.\n', ...sections].join(`\n${'-'.repeat(80)}\n\n`);
}

/**
 * @param {readonly import('esbuild').Metafile[]} metafiles
 * @returns {string[]} their folders, sorted
 */
export function bundledPackages(metafiles) {
  const outputs = metafiles.flatMap((metafile) => Object.values(metafile.outputs));
  const files = outputs.flatMap(({ inputs }) => Object.entries(inputs));
  const folders = files
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  return [...new Set(folders)].sort();
}

/** @param {string} folder */
async function readLicense(folder) {
  const manifest = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
  // The older form is a list of objects.
  const license = manifest.license ?? manifest.licenses?.[0]?.type;
  const { name = manifest.author } = manifest.author ?? {};
  const text = (await licenseText(folder)) || (await standardText(license, name));
  if (!text) throw new Error(`${folder} contains no license text: ${license}`);
  return { title: `${manifest.name} ${manifest.version} (${license})`, text: text.trim() };
}

/** @param {string} folder @returns {Promise<string>} from its own files or its readme, or empty */
async function licenseText(folder) {
  const files = (await readdir(folder)).sort();
  const named = files.filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const texts = await Promise.all(named.map((file) => readFile(`${folder}/${file}`, 'utf8')));
  if (texts.length > 0) return texts.join('\n');
  const readme = files.find((file) => /^readme/i.test(file));
  const text = readme === undefined ? '' : await readFile(`${folder}/${readme}`, 'utf8');
  return /^[# ]*licen[cs]e\n[-=]*\n+([\s\S]*Permission is hereby granted[\s\S]*)/im.exec(text)?.[1] ?? '';
}

/** @param {string} license @param {string} author */
async function standardText(license, author) {
  const file = standardTexts.get(license);
  return file && `Copyright (c) ${author}\n\n${await readFile(file, 'utf8')}`;
}
