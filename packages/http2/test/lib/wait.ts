import assert from 'node:assert/strict'

/** Lets input and output happen until it is true; fails after about ten seconds. */
export async function waitFor(holds: () => boolean): Promise<void> {
  const until = performance.now() + 10_000
  while (!holds() && performance.now() < until) await new Promise((next) => setImmediate(next))
  assert.ok(holds())
}
