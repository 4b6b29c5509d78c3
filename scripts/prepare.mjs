// Plain JavaScript for any Node that npm runs on: brings node_modules (and with --console the console's build)
// up to date before a script that needs them, so that every script is one command on a fresh clone.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

function run(command, args) {
  // stdout belongs to the script that comes next (it may be JSON), so installers speak on stderr.
  const { status } = spawnSync(command, args, {
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (status !== 0) {
    console.error(`prepare: \`${command} ${args.join(' ')}\` failed with ${status}`)
    process.exit(status ?? 1)
  }
}

function manifests() {
  const files = ['package.json', 'package-lock.json', '.npmrc']
  for (const folder of ['packages', 'apps']) {
    if (!existsSync(folder)) continue
    for (const name of readdirSync(folder)) files.push(path.join(folder, name, 'package.json'))
  }
  const hash = createHash('sha256')
  for (const file of files.filter((name) => existsSync(name)))
    hash.update(file).update(readFileSync(file))
  return hash.digest('hex')
}

/** Newest change below a folder, in milliseconds. */
function newest(folder) {
  let latest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name)
    if (['dist', 'node_modules', 'test'].includes(entry.name)) continue
    latest = Math.max(latest, entry.isDirectory() ? newest(file) : statSync(file).mtimeMs)
  }
  return latest
}

const stamp = 'node_modules/.tidemill-installed'
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== manifests()) {
  console.error('prepare: installing packages (first run, or a manifest changed) ...')
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, manifests())
}

if (process.argv.includes('--console') && existsSync('apps/console/package.json')) {
  const built = 'apps/console/dist/index.html'
  if (!existsSync(built) || statSync(built).mtimeMs < newest('apps/console')) {
    mkdirSync('.cache', { recursive: true })
    console.error('prepare: building the console ...')
    run('npm', ['run', '--silent', '--workspace', 'apps/console', 'build'])
  }
}
