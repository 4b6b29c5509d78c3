import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { LeaseCoordinator } from '../../src/limit/index.ts'

const program = fileURLToPath(new URL('lease-worker.ts', import.meta.url))

interface Told {
  readonly passed: number
  readonly ms: number
  readonly stats: { readonly lost: boolean; readonly workers: number }
}

describe('a limit shared by two processes', () => {
  it('is kept within 3 % at 5x overload', async () => {
    const requests = 1000
    const coordinator = new LeaseCoordinator()
    const told = await Promise.all(
      [1, 2].map(() => {
        const child = fork(program, ['2500', '1000', '4000', String(requests)], {
          execArgv: process.execArgv.filter((option) => !option.startsWith('--test')),
        })
        coordinator.attach({
          send: (message) => void child.send(message),
          onMessage: (listener) => void child.on('message', listener),
        })
        return new Promise<Told>((resolve, reject) => {
          child.on('message', (message: object) => {
            if ('passed' in message) resolve(message as Told)
          })
          child.on('error', reject)
          child.on('exit', (code) => reject(new Error(`the worker exited with ${code}`)))
        })
      }),
    )
    const rate = told.reduce((sum, { passed, ms }) => sum + (passed / ms) * 1000, 0)
    assert.ok(Math.abs(rate - requests) <= requests * 0.03, `${rate} per second`)
    assert.ok(told.every(({ stats }) => !stats.lost && stats.workers === 2))
  })
})
