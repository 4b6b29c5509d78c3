import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { describe, it } from 'node:test'
import { edge } from './gateway-manifests.ts'
import { folder } from './run-cli.ts'

const main = path.resolve(import.meta.dirname, '../src/main.ts')

interface Started {
  readonly process: ChildProcess
  readonly ready: {
    readonly listeners: readonly { readonly url: string }[]
    readonly admin: { readonly url: string; readonly token: string }
  }
  readonly output: () => string
}

async function startGateway(...words: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [...process.execArgv, main, 'gateway', 'run', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  const ready = Promise.withResolvers<Started['ready']>()
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
    const end = output.indexOf('\n')
    if (end < 0) return
    ready.resolve((JSON.parse(output.slice(0, end)) as { data: Started['ready'] }).data)
  })
  child.once('exit', (code) => ready.reject(new Error(`it ended with ${code}: ${output}`)))
  return { process: child, ready: await ready.promise, output: () => output }
}

describe('tidemill gateway run as a process', () => {
  it('serves by workers, replaces them, and ends with 0 after SIGTERM', {
    timeout: 60_000,
  }, async () => {
    await using files = await folder()
    const manifest = await files.write('g.yaml', edge)
    const web = createServer((_request, response) => response.end('hello'))
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    const { port } = web.address() as AddressInfo
    const started = await startGateway(
      ...`-f ${manifest} --backend default/web=127.0.0.1:${port} --workers 2 --listen 127.0.0.1:0 --admin 127.0.0.1:0 --json`.split(
        ' ',
      ),
    )
    try {
      const { listeners, admin } = started.ready
      const url = listeners[0]?.url ?? ''
      assert.equal(await (await fetch(url)).text(), 'hello')
      const headers = { authorization: `Bearer ${admin.token}` }
      const pids = async (): Promise<number[]> => {
        const answer = await fetch(`${admin.url}/v1/snapshot`, { headers })
        const { data } = (await answer.json()) as { data: { workers: { pid: number }[] } }
        return data.workers.map(({ pid }) => pid)
      }
      const before = await pids()
      assert.equal(before.length, 2)
      const restarted = await fetch(`${admin.url}/v1/restart`, { method: 'POST', headers })
      assert.equal(restarted.status, 200)
      const after = await pids()
      assert.equal(after.length, 2)
      assert.ok(after.every((pid) => !before.includes(pid)))
      assert.equal(await (await fetch(url)).text(), 'hello')
      started.process.kill('SIGTERM')
      const [code] = (await once(started.process, 'exit')) as [number]
      assert.equal(code, 0)
      assert.match(started.output(), /"event":"drained"/u)
    } finally {
      started.process.kill('SIGKILL')
      web.closeAllConnections()
      web.close()
    }
  })
  it('ends at once with 130 at the second SIGINT, a request still open', {
    timeout: 60_000,
  }, async () => {
    await using files = await folder()
    const manifest = await files.write('g.yaml', edge)
    const asked = Promise.withResolvers<void>()
    const web = createServer(() => asked.resolve())
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    const { port } = web.address() as AddressInfo
    const started = await startGateway(
      ...`-f ${manifest} --backend default/web=127.0.0.1:${port} --listen 127.0.0.1:0 --json`.split(
        ' ',
      ),
    )
    try {
      const pending = fetch(started.ready.listeners[0]?.url ?? '').catch(() => 'cut')
      await asked.promise
      started.process.kill('SIGINT')
      const gone = once(started.process, 'exit')
      const again = setInterval(() => started.process.kill('SIGINT'), 200)
      const [code] = (await gone) as [number]
      clearInterval(again)
      assert.equal(code, 130)
      assert.equal(await pending, 'cut')
    } finally {
      started.process.kill('SIGKILL')
      web.closeAllConnections()
      web.close()
    }
  })
})
