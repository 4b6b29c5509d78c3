import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  createSeededRandom,
  createVirtualClock,
  silentLogger,
  type VirtualClock,
} from '@tidemill/core'
import type { Batch, Kv, Watch } from '@tidemill/kv'
import { followKv, type KvSource } from '../../src/source/kv-source.ts'
import { objectOf, storageKey } from '../../src/source/object-key.ts'
import { openConfiguration, type Harness, route } from '../configuration/fixtures.ts'
import { changesOf } from '../configuration/fixtures.ts'

/** A kv of which the test says what its watches deliver. */
class ScriptedKv {
  readonly watches: {
    readonly deliver: (batch: Partial<Batch>) => void
    readonly end: (error?: Error) => void
  }[] = []

  readonly kv: Kv = {
    watch: (): Watch => {
      const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
      let handler: ((batch: Batch) => void) | undefined
      this.watches.push({
        deliver: (batch) =>
          handler?.({
            revision: 1,
            changes: [],
            cause: 'live',
            snapshot: false,
            token: '',
            ...batch,
          }),
        end: (error) => (error === undefined ? resolve() : reject(error)),
      })
      return {
        ended,
        on(take: (batch: Batch) => void) {
          handler = take
        },
        close() {
          resolve()
          return ended
        },
      } as unknown as Watch
    },
  } as unknown as Kv

  /** Everything there is, as a first batch or after a gap. */
  snapshot(yaml: string, revision: number): void {
    const changes = changesOf(yaml, revision).map(({ kind, key, text = '' }) => {
      const at = Buffer.from(storageKey('/gw', kind, key))
      const kv = { key: at, value: Buffer.from(text) }
      return {
        type: 'put',
        key: at,
        kv,
        merged: 1,
        revisions: [revision, revision],
        recreated: false,
      }
    })
    const batch = { revision, changes, snapshot: true, cause: 'resync' } as unknown as Batch
    this.watches.at(-1)?.deliver(batch)
  }
}

interface Opened {
  readonly h: Harness
  readonly script: ScriptedKv
  readonly clock: VirtualClock
  readonly source: Promise<KvSource>
}

function open(lastGood?: string): Opened {
  const h = openConfiguration({ implicitListener: { address: '127.0.0.1', port: 0 } })
  const script = new ScriptedKv()
  const clock = createVirtualClock()
  const source = followKv({
    kv: script.kv,
    root: '/gw',
    configuration: h.configuration,
    clock,
    random: createSeededRandom(1),
    logger: silentLogger,
    ...(lastGood === undefined ? {} : { lastGood }),
  })
  return { h, script, clock, source }
}

const at = { gateway: '', listener: 'default' }

async function inFolder(run: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-last-good-'))
  try {
    await run(join(folder, 'deep', 'last-good.json'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('kv source', () => {
  it('names every kind below its root', () => {
    assert.equal(storageKey('/gw', 'HTTPRoute', 'a/b'), '/gw/routes/a/b')
    assert.equal(storageKey('/gw', 'RoutePolicy', 'a/b'), '/gw/policies/a/b')
    assert.equal(storageKey('/gw', 'Gateway', 'a/b'), '/gw/objects/Gateway/a/b')
    for (const kind of ['HTTPRoute', 'RoutePolicy', 'Gateway']) {
      assert.deepEqual(objectOf('/gw', storageKey('/gw', kind, 'a/b')), { kind, key: 'a/b' })
    }
    assert.deepEqual(objectOf('/gw', '/gw/objects/Namespace/a'), { kind: 'Namespace', key: 'a' })
    assert.equal(objectOf('/gw', '/gw/other/a/b'), undefined)
    assert.equal(objectOf('/gw', '/other/routes/a/b'), undefined)
  })

  it('rejects who waits for a revision, then and later, when it is closed', async () => {
    const { script, source } = open()
    script.snapshot('', 1)
    const opened = await source
    await opened.applied(1)
    const waiting = opened.applied(2)
    await opened.close()
    await assert.rejects(waiting, { code: 'TM_GATEWAY_CLOSED' })
    await assert.rejects(opened.applied(3), { code: 'TM_GATEWAY_CLOSED' })
  })

  it('keeps what is in force when the watch fails, and follows again after a pause', async () => {
    const { h, script, clock, source } = open()
    script.snapshot(route('a', ''), 1)
    const opened = await source
    const waiting = opened.applied(2)
    const fault = new Error('gone')
    script.watches[0]?.end(fault)
    await assert.rejects(waiting, fault)
    assert.equal(opened.up, false)
    assert.equal(h.route(at, { path: '/' }), 'infra/a#0')
    await clock.advance(1000)
    assert.equal(script.watches.length, 2)
    script.snapshot(route('b', ''), 3)
    assert.equal(opened.up, true)
    assert.equal(h.route(at, { path: '/' }), 'infra/b#0')
    await opened.close()
  })

  it('does not believe a store that came back empty and older', async () => {
    const { h, script, source } = open()
    script.snapshot(route('a', ''), 10)
    const opened = await source
    script.snapshot('', 2)
    assert.equal(h.route(at, { path: '/' }), 'infra/a#0')
    script.snapshot('', 11)
    assert.equal(h.route(at, { path: '/' }), 'none')
    await opened.close()
  })

  it('starts with the last good objects when kv does not answer', async () => {
    await inFolder(async (file) => {
      const first = open(file)
      first.script.snapshot(route('a', ''), 5)
      await (await first.source).close()
      const second = open(file)
      await second.clock.advance(3000)
      const opened = await second.source
      assert.equal(opened.up, false)
      assert.equal(second.h.route(at, { path: '/' }), 'infra/a#0')
      second.script.snapshot(route('b', ''), 6)
      assert.equal(second.h.route(at, { path: '/' }), 'infra/b#0')
      await opened.close()
    })
  })

  it('starts with the last good objects when kv fails at once', async () => {
    await inFolder(async (file) => {
      const first = open(file)
      first.script.snapshot(route('a', ''), 5)
      await (await first.source).close()
      const second = open(file)
      second.script.watches[0]?.end(new Error('refused'))
      const opened = await second.source
      assert.equal(second.h.route(at, { path: '/' }), 'infra/a#0')
      await opened.close()
    })
  })

  it('keeps only whole files, and versions that were valid', async () => {
    await inFolder(async (file) => {
      const first = open(file)
      first.script.snapshot(route('a', ''), 5)
      const opened = await first.source
      first.h.configuration.apply(
        [{ kind: 'HTTPRoute', key: 'infra/a', text: '{}', revision: 6 }],
        6,
      )
      await opened.close()
      const text = await readFile(file, 'utf8')
      assert.match(text, /"revision":6/u)
      assert.match(text, /backendRefs/u)
      await writeFile(file, text.replace('backend', 'backenD'))
      const second = open(file)
      second.script.watches[0]?.end(new Error('refused'))
      await assert.rejects(second.source, /refused/u)
    })
  })

  it('saves at most once a second', async () => {
    await inFolder(async (file) => {
      const { script, clock, source } = open(file)
      script.snapshot(route('a', ''), 1)
      const opened = await source
      await assert.rejects(readFile(file), { code: 'ENOENT' })
      await clock.advance(1000)
      script.snapshot(route('b', ''), 2)
      await opened.close()
      assert.match(await readFile(file, 'utf8'), /infra\/b/u)
    })
  })
})
