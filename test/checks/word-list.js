/**
 * Fails on phrases that docker's, kubectl's and gh's maintainers would not write. Part of `npm run
 * check`. End a line that has to quote one with `word-list: quoted`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @type {readonly [phrase: RegExp, instead: string][]} */
const phrases = [
  [/\banew\b/i, 'again'],
  [/\bwhoever\b/i, 'the one that, any'],
  [/\b(is|are) to be\b/i, 'should be, will be'],
  [/\bg(i|a)ves? no answer\b/i, 'does not respond'],
  [/\bgiving no answer\b/i, 'not responding'],
  [/\bwhat of\b/i, 'which parts of'],
  [/\b(is|are|was|were|be|been) (told|said)\b/i, 'an active sentence: belt prints, the user sets'],
  [/\btold\b/i, 'reported, returned, configured'],
  [/\bnobody\b/i, 'no one, nothing'],
  [/\ba line (a|an|each) \w+/i, 'one line per'],
  [/\babsent:/i, 'default:, omitted:, undefined:'],
  [/\bnone's\b/i, 'unknown'],
  [/\banother one's\b/i, 'does not match'],
  [/(?<!there )\bis no (?!longer\b|more than\b|less than\b)[a-z]/i, 'is not a'],
  [/\bas it should be\b/i, 'up to date'],
  [/\bof belt's\b/i, 'managed by belt'],
  [/\b(becomes?|became) of\b/i, 'happens to'],
  [/\buntil when\b/i, 'expires'],
  [/\bby itself alone\b/i, 'on its own'],
];

const files = execFileSync(
  'git',
  ['ls-files', 'src', 'docs', 'test', 'README.md', 'CONTRIBUTING.md', '.belt.example.yaml'],
  {
    encoding: 'utf8',
  },
)
  .trim()
  .split('\n')
  .filter((file) => /\.(ts|js|md|sh|yaml)$/.test(file) && file !== 'test/checks/word-list.js');

const found = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      if (line.includes('word-list: quoted')) return [];
      const hit = phrases.find(([phrase]) => phrase.test(line));
      return hit ? [`${file}:${index + 1}: "${hit[0].exec(line)?.[0]}" (try: ${hit[1]})`] : [];
    }),
);

for (const line of found) console.error(line);
if (found.length > 0) {
  console.error(`${found.length} phrases to rewrite`);
  process.exitCode = 1;
}
