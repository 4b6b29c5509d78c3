import assert from 'node:assert/strict'
import { type ErrorCode, TidemillError } from '@tidemill/core'
import type { DeciderDefinition } from '../decider.ts'
import { defaultTenant, type NewEvent, type StoredEvent } from '../event.ts'

export interface Given<Command> {
  when(command: Command): When
}

export interface When {
  /** Compares type, data and meta of the decided events. */
  then(...events: readonly NewEvent[]): void
  thenNothing(): void
  /** The refusal's code, or a pattern that its message matches. */
  thenRefused(expected: ErrorCode | RegExp): void
}

/**
 * Given these past events, when this command comes, then these events follow: a decider tested as what it is,
 * two pure functions.
 */
export function specification<State, Command>(
  decider: DeciderDefinition<State, Command>,
): { readonly given: (...events: readonly NewEvent[]) => Given<Command> } {
  return {
    given(...past) {
      const state = past
        .map(stored)
        .reduce((s, event) => decider.evolve(s, event), decider.initial())
      return {
        when(command) {
          const decide = (): readonly NewEvent[] => decider.decide(command, state)
          return {
            // Not a promise: nobody awaits a specification, and given/when/then is what the field says.
            // oxlint-disable-next-line unicorn/no-thenable
            then: (...events) => assert.deepEqual(decide().map(essence), events.map(essence)),
            thenNothing: () => assert.deepEqual(decide(), []),
            thenRefused(expected) {
              assert.throws(decide, (error: unknown) =>
                expected instanceof RegExp
                  ? expected.test((error as Error).message)
                  : TidemillError.is(error, expected),
              )
            },
          }
        },
      }
    },
  }
}

function essence({ type, data, meta }: NewEvent): unknown {
  return meta === undefined ? { type, data } : { type, data, meta }
}

function stored(event: NewEvent, index: number): StoredEvent {
  return {
    position: index + 1,
    tenant: defaultTenant,
    stream: 'given-1',
    version: index + 1,
    id: event.id ?? `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    type: event.type,
    schemaVersion: event.schemaVersion ?? 1,
    data: event.data,
    meta: event.meta ?? {},
    at: 0,
  }
}
