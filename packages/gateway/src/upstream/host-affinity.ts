import { type Host, hashKey, isUsable } from '../balance/index.ts'
import { mixHash } from '../balance/key-hash.ts'

/**
 * The host of a session for balancers that place requests by chance: the one whose key, hashed with the session's hash,
 * wins (rendezvous), so that a session moves only when its own host is gone, not usable or was tried in vain. Each host
 * has sessions in proportion to its weight. Undefined when no host is left.
 */
export function hostOfSession(
  hosts: readonly Host[],
  hash: number,
  excluded: readonly Host[] | undefined,
  panic: boolean,
): Host | undefined {
  let best: Host | undefined
  let bestScore = -Infinity
  for (let i = 0; i < hosts.length; i++) {
    const host = hosts[i] as Host
    if ((!panic && !isUsable(host)) || excluded?.includes(host) === true) continue
    // The logarithm makes shares proportional to weights (weighted rendezvous hashing).
    const drawn = (mixHash(hashKey(host.key, hash)) + 0.5) / 0x1_0000_0000
    const score = -host.weight / Math.log(drawn)
    if (score > bestScore) {
      best = host
      bestScore = score
    }
  }
  return best
}
