import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { openGatewayService } from '@tidemill/gateway/admin'
import { compare, openKv, op } from '@tidemill/kv'
import { KvObjects, ObjectLayers } from '../../src/admin/index.ts'
import type { ObjectChange } from '../../src/configuration/object-change.ts'
import { route } from './fixture.ts'

const change = (name: string, text: string | undefined, origin?: string): ObjectChange => ({
  kind: 'HTTPRoute',
  key: `default/${name}`,
  text,
  revision: 1,
  ...(origin === undefined ? {} : { origin }),
})

function recorded(): { readonly layers: ObjectLayers; readonly batches: string[][] } {
  const batches: string[][] = []
  const layers = new ObjectLayers({
    apply: async (changes) => {
      batches.push(changes.map(({ key, text = 'gone' }) => `${key}=${text}`))
    },
    now: () => 0,
  })
  return { layers, batches }
}

describe('layers of objects', () => {
  it('show an object of the earlier layer, and the later one again when that is gone', async () => {
    const { layers, batches } = recorded()
    const files = layers.layer()
    const kv = layers.layer()
    kv.apply([change('a', '1'), change('b', '1')], 1, true)
    files.apply([change('a', '2')], 1, true)
    files.apply([], 2, true)
    kv.apply([change('a', undefined)], 2)
    await layers.settled()
    assert.deepEqual(batches, [
      ['default/a=1', 'default/b=1'],
      ['default/a=2'],
      ['default/a=1'],
      ['default/a=gone'],
    ])
  })
  it('hand over nothing where nothing changed, but the first batch always', async () => {
    const { layers, batches } = recorded()
    const files = layers.layer()
    files.apply([], 1, true)
    files.apply([change('a', '1', 'f:1')], 2, true)
    files.apply([change('a', '1', 'f:9')], 3, true)
    await layers.settled()
    assert.deepEqual(batches, [[], ['default/a=1']])
    assert.equal(layers.get('HTTPRoute', 'default/a')?.origin, 'f:9')
  })
})

describe('objects in kv', () => {
  it('are written in one transaction under the revisions that they must have', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'tidemill-admin-'))
    try {
      await using kv = await openKv({ url: `sqlite:${path.join(folder, 'kv.db')}` })
      const { layers } = recorded()
      const objects = new KvObjects({ kv, root: '/g', layers })
      const kind = 'HTTPRoute'
      const text = JSON.stringify(route('a'))
      const first = await objects.write([
        { kind, key: 'default/a', text, expect: 0 },
        { kind, key: 'default/b', text },
      ])
      const [a, b] = await objects.list()
      assert.equal(a?.revision, first)
      assert.equal(b?.revision, first)
      // Somebody else writes between.
      await kv
        .txn()
        .if(compare.exists('/g/routes/default/a'))
        .then(op.put('/g/routes/default/a', text))
        .commit()
      await assert.rejects(
        objects.write([
          { kind, key: 'default/b', text: undefined, expect: first },
          { kind, key: 'default/a', text: undefined, expect: first },
        ]),
        { code: 'TM_GATEWAY_OBJECT_CHANGED' },
      )
      assert.equal((await objects.list()).length, 2)
      await objects.write([{ kind, key: 'default/a', text: undefined, expect: 'any' }])
      assert.equal(await objects.get(kind, 'default/a'), undefined)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('a gateway with its sources', () => {
  it('keeps what was written to it over a restart, and what files say beside it', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'tidemill-admin-'))
    const file = path.join(folder, 'g.json')
    await writeFile(file, JSON.stringify(route('filed')))
    const options = {
      files: [file],
      follow: false,
      lastGood: path.join(folder, 'last'),
      admin: { listen: { port: 0 } },
    }
    const keys = async (): Promise<string[]> => {
      await using service = await openGatewayService(options)
      return service.runtime.status().map(({ key }) => key)
    }
    try {
      assert.deepEqual(await keys(), ['default/filed'])
      {
        await using service = await openGatewayService(options)
        const { url = '', token = '' } = service.admin ?? {}
        const response = await fetch(`${url}/v1/objects/HTTPRoute/default/held`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${token}` },
          body: JSON.stringify(route('held')),
        })
        assert.equal(response.status, 201)
      }
      assert.deepEqual((await keys()).toSorted(), ['default/filed', 'default/held'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
