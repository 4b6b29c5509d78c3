import type { UpstreamCall, UpstreamHandler } from '../upstream/upstream-call.ts'
import type { Forwarding } from './passage.ts'
import type { MirrorCounts } from './plane-context.ts'
import type { UpstreamHead } from './upstream-head.ts'

/** Of a mirrored request's body, this much is copied; the copy of a longer one is given up. */
const copiedBytes = 64 * 1024

function nothing(): void {
  // Nobody waits for the answer to a copy.
}

const ignored: UpstreamHandler = {
  onInformational: nothing,
  onResponse: nothing,
  onBody: nothing,
  onEnd: nothing,
  onWritable: nothing,
  onFailure: nothing,
}

/** The copies of one request (HTTPRequestMirrorFilter); they never hold it up. */
export class MirrorGroup {
  readonly #counts: MirrorCounts
  #calls: UpstreamCall[]
  #bytes = 0

  constructor(counts: MirrorCounts, calls: UpstreamCall[]) {
    this.#counts = counts
    this.#calls = calls
    counts.sent += calls.length
  }

  write(part: Uint8Array): void {
    this.#bytes += part.length
    if (this.#bytes > copiedBytes) this.abort()
    // What the mirror does not take at once waits in it; there is no more of it than that.
    else for (const call of this.#calls) call.write(part)
  }

  end(): void {
    for (const call of this.#calls) call.end()
  }

  abort(): void {
    this.#counts.cut += this.#calls.length
    for (const call of this.#calls) call.abort()
    this.#calls = []
  }
}

export function startMirrors(
  counts: MirrorCounts,
  forward: Forwarding,
  head: UpstreamHead,
): MirrorGroup {
  const calls: UpstreamCall[] = []
  // A tunnel cannot be copied, and nobody would speak in it.
  if (head.upgrade !== '') return new MirrorGroup(counts, calls)
  if (head.bodyLength > copiedBytes) counts.cut += forward.mirrors.length
  else for (const { cluster } of forward.mirrors) calls.push(cluster.send(head, ignored))
  return new MirrorGroup(counts, calls)
}
