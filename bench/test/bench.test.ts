import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bench, defineBench, runBench } from '../lib/bench.ts'
import { alternate, median, ratio, summarize } from '../lib/measure.ts'
import { formatReport } from '../lib/report.ts'

const claims: Bench['claims'] = [
  { id: 'fast', about: 'ours', unit: 'ns', target: { atMost: 30 } },
  { id: 'peer', about: 'against the peer', unit: 'x', target: { atLeast: 2 } },
]

/** A bench whose lanes measure what they are told. */
function bench(ours: readonly number[], peer: readonly number[]): Bench {
  const [own, other] = [[...ours], [...peer]]
  return defineBench({
    name: 'sample',
    about: 'a sample',
    claims,
    async run(ctx) {
      const lanes = await ctx.alternate({
        measure: 'cost',
        unit: 'ns',
        rounds: 3,
        lanes: { ours: () => own.shift() ?? 0, peer: () => other.shift() ?? 0 },
      })
      ctx.value('fast', lanes.ours)
      ctx.ratio('peer', lanes.ours, lanes.peer)
    },
  })
}

test('lanes alternate, turn their order every round and drop the warm-up', async () => {
  const order: string[] = []
  const lane = (name: string, value: number) => (): number => {
    order.push(name)
    return value
  }
  const lanes = await alternate({
    measure: 'rate',
    unit: '/s',
    rounds: 3,
    lanes: { a: lane('a', 10), b: lane('b', 20) },
  })
  assert.equal(order.join(''), 'abbaabba')
  assert.deepEqual(lanes.a.samples, [10, 10, 10])
  assert.equal(lanes.b.median, 20)
})

test('fewer than three rounds and samples that are no measurement are refused', async () => {
  const lanes = { a: () => 0 }
  await assert.rejects(
    alternate({ measure: 'rate', unit: '', rounds: 2, lanes }),
    /at least 3 rounds/u,
  )
  await assert.rejects(alternate({ measure: 'rate', unit: '', lanes }), /lane a measured 0/u)
})

test('a ratio is the median of the rounds and is above one when ours is better', () => {
  const rate = (samples: readonly number[]) => summarize('x', 'rate', '/s', samples)
  assert.equal(ratio(rate([10, 20, 90]), rate([5, 5, 10])), 4)
  const cost = (samples: readonly number[]) => summarize('x', 'cost', 'ns', samples)
  assert.equal(ratio(cost([5, 5, 5]), cost([10, 10, 10])), 2)
  assert.equal(median([4, 1, 3, 2]), 2.5)
})

test('a run whose claims are reached holds', async () => {
  const outcome = await runBench(bench([99, 20, 20, 20], [99, 60, 60, 60]))
  assert.equal(outcome.holds, true)
  assert.deepEqual(
    outcome.claims.map((claim) => claim.value),
    [20, 3],
  )
})

test('a claim that falls short is marked, with value and target', async () => {
  const outcome = await runBench(bench([99, 40, 40, 40], [99, 60, 60, 60]))
  assert.equal(outcome.holds, false)
  const text = formatReport({
    schema: 'tidemill.bench.v1',
    data: {
      ...outcome,
      name: 'sample',
      about: 'a sample',
      startedAt: '',
      seconds: 1,
      peers: { other: '1.0.0' },
      machine: { cpu: 'c', cores: 2, memoryGiB: 4, os: 'o', node: 'v24', load: 3 },
    },
  })
  assert.match(text, /✖ ours: 40 ns, target at most 30 ns/u)
  assert.match(text, /✖ against the peer: 1\.5 x, target at least 2 x/u)
  assert.match(text, /against other 1\.0\.0/u)
  assert.match(text, /busy: trust the ratios/u)
})

test('a claim that the run does not settle is missed, and one that nobody made is refused', async () => {
  const silent = await runBench({ ...bench([], []), run: () => Promise.resolve() })
  assert.deepEqual([silent.holds, silent.claims[0]?.value], [false, null])
  const wrong: Bench = {
    ...bench([], []),
    run: async (ctx) => ctx.value('other', 1),
  }
  await assert.rejects(runBench(wrong), /no claim "other"/u)
})

test('a bench that claims nothing or names a claim twice is refused', () => {
  const base = bench([], [])
  assert.throws(() => defineBench({ ...base, claims: [] }), /claims nothing/u)
  assert.throws(() => defineBench({ ...base, claims: [...claims, ...claims] }), /twice/u)
})
