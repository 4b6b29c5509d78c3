import { readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly os: string
  readonly node: string
  /** One-minute load average before the run; above a quarter of the cores, absolute numbers say little. */
  readonly load: number
}

export function describeMachine(): Machine {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    load: Number((os.loadavg()[0] ?? 0).toFixed(2)),
  }
}

export function isBusy(machine: Machine): boolean {
  return machine.load > machine.cores / 4
}

/** The installed version of an npm package, or `not installed`. */
export function packageVersion(root: string, name: string): string {
  try {
    const manifest = JSON.parse(
      readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8'),
    ) as { readonly version: string }
    return manifest.version
  } catch {
    return 'not installed'
  }
}
