import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { freePort } from '../engines/start.ts'
import { finish, serve } from '../lib/child.ts'

const node = process.execPath

test('a program that takes too long is killed, and says so', async () => {
  const run = await finish(node, ['-e', 'console.log("begun"); setInterval(() => 0, 1000)'], {
    timeoutMs: 1500,
  })
  assert.equal(run.code, null)
  assert.match(run.stdout, /begun/u)
  assert.match(run.stderr, /killed after 1500 ms/u)
})

test('the exit code and both outputs of a program come back', async () => {
  const script = 'console.log(process.env.WORD); console.error("why"); process.exitCode = 3'
  const run = await finish(node, ['-e', script], { timeoutMs: 10_000, env: { WORD: 'said' } })
  assert.deepEqual({ ...run }, { code: 3, stdout: 'said\n', stderr: 'why\n' })
})

test('a server counts as started when it accepts, and is gone when stopped, even if it will not listen', async () => {
  const port = await freePort()
  const script = `process.on('SIGTERM', () => 0)
    setTimeout(() => require('node:net').createServer().listen(${port}, '127.0.0.1'), 100)`
  const server = await serve(node, ['-e', script], port)
  const socket = net.connect({ host: '127.0.0.1', port })
  await new Promise((resolve) => {
    socket.once('connect', resolve)
  })
  const closed = new Promise((resolve) => {
    socket.once('close', resolve)
  })
  socket.on('error', () => undefined)
  await server.stop()
  await closed
  assert.throws(() => process.kill(server.pid, 0))
})

test('a server that ends before it accepts is an error with what it printed', async () => {
  const port = await freePort()
  await assert.rejects(
    serve(node, ['-e', 'console.error("no such thing")'], port),
    /did not start\nno such thing/u,
  )
})
