import { test } from 'node:test'
test('crash', async () => { process.exit(0) })
