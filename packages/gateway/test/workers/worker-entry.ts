import { createUuid7, realClock, realRandom, silentLogger } from '@tidemill/core'
import { createDataPlane, type Passage, type Traffic } from '../../src/dataplane/index.ts'
import type { SocketPlan, TlsPlan } from '../../src/listener/listener-plan.ts'
import { ListenerSet } from '../../src/listener/listener-set.ts'
import { runWorker, type WorkerContext, type WorkerPart } from '../../src/workers/index.ts'
import { listener, socket, stream, streamCluster } from '../listener/plans.ts'

/** What the tests put into the configuration: one socket each. */
export interface TestSocket {
  readonly key: string
  readonly port?: number
  readonly protocol: 'HTTP' | 'HTTPS' | 'UDP'
  readonly tls?: TlsPlan
  /** Ports of the backends of UDP. */
  readonly backends?: readonly number[]
}

function plan(of: TestSocket): SocketPlan {
  const { key, port = 0, protocol, tls, backends = [] } = of
  const streams = [stream([[streamCluster('ns/udp', backends), 1]])]
  return socket(key, [listener({ name: key, protocol, tls, streams })], {
    key,
    port,
    transport: protocol === 'UDP' ? 'udp' : 'tcp',
  })
}

/** Answers every request with who it is. */
function answering(context: WorkerContext): Traffic {
  const passage = (name: string): Passage => ({
    forward: undefined,
    answer: { status: 200, headers: ['x-worker', String(context.id)], body: name },
    error: undefined,
    wait: undefined,
    retryAfter: 0,
    answerHeaders: [],
    head: () => undefined,
    settle: () => undefined,
    finish: () => undefined,
    release: () => undefined,
    failure: () => {
      throw new Error('nothing is forwarded')
    },
  })
  return { begin: (_view, { name }) => passage(name), refuse: () => undefined }
}

function createPart(context: WorkerContext): WorkerPart {
  const { TEST_FAIL } = process.env
  if (TEST_FAIL === String(context.index)) throw new Error('told to fail')
  const clock = realClock
  const plane = createDataPlane({
    traffic: answering(context),
    clock,
    logger: silentLogger,
    random: realRandom,
    pseudonym: `worker-${context.id}`,
    makeRequestId: createUuid7(clock, realRandom),
  })
  const set = new ListenerSet({
    clock,
    logger: silentLogger,
    accept: (connection, facts) => plane.accept(connection, facts),
    binder: context.binder,
    ticketKeys: context.ticketKeys,
    workers: context.workers,
  })
  const texts = new Map<string, string>()
  let endpoints: unknown = {}
  let ticketKeys = context.ticketKeys
  context.leases.onMessage((message) => context.note('lease', message))
  return {
    async configure({ changes, snapshot }) {
      if (snapshot) texts.clear()
      const invalid: string[] = []
      for (const { kind, key, text } of changes) {
        if (text === undefined) texts.delete(key)
        else if (text === 'bad') invalid.push(`${kind} ${key}`)
        else texts.set(key, text)
      }
      await set.apply([...texts.values()].map((text) => plan(JSON.parse(text) as TestSocket)))
      return { invalid }
    },
    setEndpoints(more) {
      endpoints = { ...(endpoints as object), ...more }
    },
    setTicketKeys(keys) {
      ticketKeys = keys
      set.setTicketKeys(keys)
    },
    answer(name, body) {
      if (name === 'sockets')
        return set.sockets().map(({ key, port, error, udp }) => ({
          key,
          port,
          error: error?.message,
          packets: udp?.packetsIn,
        }))
      if (name === 'objects') return Object.fromEntries(texts)
      if (name === 'endpoints') return endpoints
      if (name === 'tickets') return ticketKeys.toString('base64')
      if (name === 'lease') {
        context.leases.send({ kind: 'limit-hello' })
        return null
      }
      if (name === 'die') process.exit(7)
      return { name, body, id: context.id }
    },
    async drain(graceMs, timeoutMs) {
      set.stop()
      const drained = plane.drain(graceMs, timeoutMs)
      await set.settled()
      await Promise.all([drained, set.drained(graceMs + timeoutMs)])
      await plane.drain(graceMs, timeoutMs)
    },
    async close() {
      await set.close()
      await plane.close()
    },
  }
}

if (process.send !== undefined) await runWorker(createPart)
