try {
  const { main } = await import('../dist/cli/main.js');
  await main(process.argv.slice(2), import.meta.url);
} catch (error) {
  // `main` reports its own errors, so belt could not be loaded.
  process.stderr.write(`error: cannot load belt: ${error.message}\n`);
  process.exitCode = 1;
}
