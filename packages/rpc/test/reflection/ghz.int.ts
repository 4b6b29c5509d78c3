import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { binaries, needs } from '../../../../scripts/engines/require.ts'
import { TestService } from '../../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { createServer } from '../../src/index.ts'

const run = promisify(execFile)

interface Report {
  readonly count: number
  readonly statusCodeDistribution: Readonly<Record<string, number>>
}

describe('server reflection for ghz', needs('ghz'), () => {
  it('describes a service well enough to call it without its .proto file', async () => {
    const server = createServer({ reflection: true })
    let bytes = 0
    server.add(TestService, {
      unaryCall(request) {
        bytes += request.payload?.body.length ?? 0
        return { username: 'ghz' }
      },
    })
    const { port } = await server.listen('127.0.0.1:0')
    try {
      const data = JSON.stringify({ payload: { body: Buffer.from('12345').toString('base64') } })
      const call = ['--call', 'grpc.testing.TestService.UnaryCall', '-d', data]
      const ghz = binaries('ghz')['ghz'] ?? ''
      const args = ['--insecure', ...call, '-n', '20', '-c', '2', '-O', 'json', `127.0.0.1:${port}`]
      const report = JSON.parse((await run(ghz, args)).stdout) as Report
      assert.equal(report.count, 20)
      assert.deepEqual(report.statusCodeDistribution, { OK: 20 })
      assert.equal(bytes, 100)
    } finally {
      await server.close()
    }
  })
})
