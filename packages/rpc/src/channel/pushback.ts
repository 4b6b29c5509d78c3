import type { HeaderList } from '@tidemill/http2'

/** The server's trailers say nothing about when to try again. */
export const noPushback = -1
/** The server asks not to try again: a negative, unreadable or repeated value (gRFC A6). */
export const stopPushback = -2

/** Milliseconds that `grpc-retry-pushback-ms` asks to wait, or {@link noPushback} or {@link stopPushback}. */
export function readPushback(trailers: HeaderList): number {
  let pushback = noPushback
  for (let i = 0; i < trailers.length; i += 2) {
    if (trailers[i] !== 'grpc-retry-pushback-ms') continue
    const text = trailers[i + 1] ?? ''
    if (pushback !== noPushback || !/^\d{1,10}$/u.test(text)) return stopPushback
    const ms = Number(text)
    // An int32 in every implementation; more than that is not a number of milliseconds.
    if (ms > 2_147_483_647) return stopPushback
    pushback = ms
  }
  return pushback
}
