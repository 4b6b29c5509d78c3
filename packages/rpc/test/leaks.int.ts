import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { transports } from './support/pair.ts'

const program = fileURLToPath(new URL('support/leak-program.ts', import.meta.url))
/** Bytes that the heap may keep after all calls: what the compiler and caches learn, not what calls leave. */
const kept = 4 * 1024 * 1024

describe('calls leave nothing behind', () => {
  for (const h2 of transports) {
    // node:http2 takes several times as long for a call.
    const count = h2 === 'native' ? 50_000 : 15_000
    it(`after ${count} of all kinds, cancelled and expired ones among them, on one connection, ${h2}`, async () => {
      const child = spawn(
        process.execPath,
        [...process.execArgv, '--expose-gc', program, h2, String(count)],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      let out = ''
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString()
      })
      const [code] = await once(child, 'close')
      assert.equal(code, 0)
      const { before, after } = JSON.parse(out)
      assert.equal(after.callsOpen, 0)
      assert.equal(after.streams, 0)
      assert.equal(after.connects, 1)
      assert.equal(after.listeners, before.listeners)
      assert.ok(after.timers <= before.timers + 2, `${before.timers} -> ${after.timers} timers`)
      assert.ok(after.heap - before.heap < kept, `heap ${before.heap} -> ${after.heap}`)
    })
  }
})
