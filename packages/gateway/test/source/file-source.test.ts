import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { realClock, silentLogger } from '@tidemill/core'
import { type FileLoad, type FileSource, followFiles } from '../../src/source/file-source.ts'
import { openConfiguration, type Harness, route } from '../configuration/fixtures.ts'

interface Opened {
  readonly h: Harness
  readonly folder: string
  readonly source: FileSource
  /** Resolves with the next reading that changed something. */
  next(): Promise<FileLoad>
}

async function opened(
  files: Readonly<Record<string, string>>,
  run: (opened: Opened) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-files-'))
  let waiting: ((load: FileLoad) => void) | undefined
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const h = openConfiguration({ implicitListener: { address: '127.0.0.1', port: 0 } })
    const source = await followFiles({
      paths: [folder],
      configuration: h.configuration,
      clock: realClock,
      logger: silentLogger,
      debounceMs: 5,
      onLoaded: (load) => waiting?.(load),
    })
    try {
      await run({
        h,
        folder,
        source,
        next: () =>
          new Promise((resolve) => {
            waiting = resolve
          }),
      })
    } finally {
      await source.close()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const at = { gateway: '', listener: 'default' }

describe('file source', () => {
  it('reads the manifests of a folder and follows edits, new files and removed ones', async () => {
    await opened({ 'a.yaml': route('a', ''), 'notes.txt': 'kind: [' }, async (o) => {
      assert.equal(o.h.route(at, { path: '/' }), 'infra/a#0')
      let loaded = o.next()
      await writeFile(join(o.folder, 'b.json.tmp'), JSON.stringify({}))
      await writeFile(join(o.folder, 'a.yaml'), route('b', ''))
      await loaded
      assert.equal(o.h.route(at, { path: '/' }), 'infra/b#0')
      loaded = o.next()
      await writeFile(join(o.folder, '.new'), route('a', '', { created: '2020-01-01T00:00:00Z' }))
      await rename(join(o.folder, '.new'), join(o.folder, 'c.yml'))
      await loaded
      assert.equal(o.h.route(at, { path: '/' }), 'infra/a#0')
      loaded = o.next()
      await rm(join(o.folder, 'c.yml'))
      assert.equal((await loaded).rebuilt, 1)
      assert.equal(o.h.route(at, { path: '/' }), 'infra/b#0')
    })
  })

  it('keeps the objects of a file that is no YAML any more', async () => {
    await opened(
      { 'a.yaml': route('a', ''), 'b.yaml': route('b', '  hostnames: [b.com]') },
      async (o) => {
        await writeFile(join(o.folder, 'a.yaml'), 'kind: [')
        const load = await o.source.reload()
        assert.match(load.problems[0]?.message ?? '', /^must be YAML/u)
        assert.equal(o.h.route(at, { path: '/' }), 'infra/a#0')
        await writeFile(join(o.folder, 'a.yaml'), route('c', ''))
        await o.source.reload()
        assert.deepEqual(o.source.problems, [])
        assert.equal(o.h.route(at, { path: '/' }), 'infra/c#0')
      },
    )
  })

  it('keeps the last good version of an object that is not valid any more', async () => {
    await opened({ 'a.yaml': route('a', '') }, async (o) => {
      await writeFile(join(o.folder, 'a.yaml'), route('a', '  hostnames: [UPPER]'))
      const load = await o.source.reload()
      assert.equal(load.problems[0]?.path, '/spec/hostnames/0')
      assert.equal(o.h.route(at, { path: '/' }), 'infra/a#0')
      assert.equal(o.h.configuration.routes()[0]?.state, 'last-good')
    })
  })

  it('takes the first of two files with one object, and says where', async () => {
    await opened(
      { 'a.yaml': route('a', ''), 'b.yaml': route('a', '  hostnames: [b.com]') },
      async (o) => {
        const [problem] = o.source.problems
        assert.match(problem?.message ?? '', /a\.yaml already, at line 2$/u)
        assert.match(problem?.file ?? '', /b\.yaml$/u)
        assert.equal(o.h.route(at, { path: '/' }), 'infra/a#0')
      },
    )
  })

  it('does nothing when nothing changed', async () => {
    await opened({ 'a.yaml': route('a', '') }, async (o) => {
      assert.equal(o.source.revision, 1)
      assert.equal((await o.source.reload()).rebuilt, 0)
      assert.equal(o.source.revision, 1)
    })
  })

  it('rejects a path that cannot be read', async () => {
    const h = openConfiguration()
    const options = { configuration: h.configuration, clock: realClock, logger: silentLogger }
    await assert.rejects(followFiles({ ...options, paths: ['/nowhere/at/all.yaml'] }), {
      code: 'TM_GATEWAY_MANIFEST',
    })
    const folder = await mkdtemp(join(tmpdir(), 'gateway-files-'))
    await mkdir(join(folder, 'x.yaml'))
    const source = await followFiles({ ...options, paths: [folder] }).catch(
      (error: unknown) => error,
    )
    assert.equal((source as { readonly code?: string }).code, 'TM_GATEWAY_MANIFEST')
    await rm(folder, { recursive: true })
  })
})
