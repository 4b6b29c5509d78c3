/** Runs the command line and resolves with the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  process.stdout.write(`tidemill ${argv.join(' ')}\n`)
  return 0
}
