import { setFlagsFromString } from 'node:v8'

/** V8's flag for "linear time or a syntax error"; not yet ECMAScript. */
const linear: string = 'l'

let engineReady = false

/**
 * Switches on V8's linear-time engine. Done at the first pattern, so that no start flag is needed: V8
 * reads these flags when it compiles an expression. `l` then means "refuse what is not linear", and an
 * expression that backtracks 10,000 times is finished by the linear engine.
 */
function switchOnLinearEngine(): void {
  if (engineReady) return
  setFlagsFromString('--enable-experimental-regexp-engine')
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
  setFlagsFromString('--regexp-backtracks-before-fallback=10000')
  engineReady = true
}

/** The compiled expression, or why it is refused. */
export type Pattern =
  | { readonly regexp: RegExp; readonly refused?: never }
  | { readonly regexp?: never; readonly refused: string }

/** Compiled before, so that many routes with one expression share one (`bench router`: half a match's time). */
const compiled = new Map<string, Pattern>()
const mostCompiled = 4096

/**
 * Compiles an expression that must match a whole value (ECMAScript syntax, case-sensitive) and runs in
 * time linear in the value. Refuses backreferences, lookaround, inline flags and repetition counts that
 * expand beyond what the linear engine takes. Runs on the ordinary engine, which is 20 times faster on
 * ordinary values; hostile values fall back to the linear one.
 */
export function compilePattern(source: string): Pattern {
  const known = compiled.get(source)
  if (known !== undefined) return known
  const pattern = compile(source)
  // Emptied rather than aged: it only saves work, and entries keep what they use.
  if (compiled.size >= mostCompiled) compiled.clear()
  compiled.set(source, pattern)
  return pattern
}

function compile(source: string): Pattern {
  switchOnLinearEngine()
  if (hasLookbehind(source)) return { refused: 'lookaround cannot be executed in linear time' }
  try {
    // Alone first: `a)(b` is not an expression, but would become one inside the group below.
    const { source: admitted } = new RegExp(source, linear)
    return { regexp: new RegExp(`^(?:${admitted})$`) }
  } catch (error) {
    const { message } = error as Error
    return { refused: message.replace(/^Invalid regular expression: .*\/l?: /su, '') }
  }
}

/** V8's linear engine takes lookbehind, other gateways' engines do not; a route should mean the same there. */
function hasLookbehind(source: string): boolean {
  let inClass = false
  for (let i = 0; i < source.length; i++) {
    const c = source[i]
    if (c === '\\') i++
    else if (c === '[') inClass = true
    else if (c === ']') inClass = false
    else if (!inClass && (source.startsWith('(?<=', i) || source.startsWith('(?<!', i))) return true
  }
  return false
}
