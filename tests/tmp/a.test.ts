import { test } from 'node:test'
test('slow', async () => { await new Promise((r) => setTimeout(r, 12000)) })
test('leaves a handle', () => { setInterval(() => {}, 1000) })
