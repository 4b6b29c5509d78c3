import type { Logger } from '@tidemill/core'

/** Who wants to be woken after commits, by topic. */
export interface Listeners {
  add(topic: string, wake: () => void): () => void
  wake(topics: Iterable<string>): void
}

export function createListeners(logger: Logger): Listeners {
  const byTopic = new Map<string, Set<() => void>>()
  return {
    add(topic, wake) {
      // Its own function, so that the same callback may listen twice and stop once.
      const entry = (): void => wake()
      const set = byTopic.get(topic) ?? new Set()
      byTopic.set(topic, set)
      set.add(entry)
      return () => {
        set.delete(entry)
        if (set.size === 0 && byTopic.get(topic) === set) byTopic.delete(topic)
      }
    },
    wake(topics) {
      for (const topic of new Set(topics)) {
        for (const wake of byTopic.get(topic) ?? []) {
          try {
            wake()
          } catch (error) {
            // The commit stands and the other listeners must hear of it.
            logger.log('error', 'a listener threw', { topic, error: String(error) })
          }
        }
      }
    },
  }
}
