/** Symbol that ends no string: it may only be hinted at by the padding (RFC 7541 5.2). */
export const endOfString = 256
/** Longest code of the table. */
export const longestCode = 30

/**
 * Lengths of the codes of RFC 7541 appendix B by symbol, `a` for 5 bits to `z` for 30, the end-of-string symbol last.
 * The code is canonical (ordered by length, then by symbol), so the lengths say everything.
 */
const letters =
  'isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfi' +
  'bccccccccccccccccccccccdcdioijbkabababbbaccbbbabcbaabccccckgjixp' +
  'rpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrrsv' +
  'vporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvsvwvvwwwwwxwwwwwvz'

/** Length in bits of each symbol's code. */
export const codeLengths: Uint8Array = Uint8Array.from(
  letters,
  (letter) => letter.charCodeAt(0) - 92,
)
/** Each symbol's code, right-aligned. */
export const codes: Int32Array = new Int32Array(codeLengths.length)
/** All symbols, shortest code first. */
export const symbolsByCode: Uint16Array = Uint16Array.from(codeLengths.keys()).toSorted(
  (a, b) => (codeLengths[a] as number) - (codeLengths[b] as number) || a - b,
)
/** By length: the first code that has it. */
export const firstCode: Int32Array = new Int32Array(longestCode + 1)
/** By length: how many codes have it. */
export const codeCount: Int32Array = new Int32Array(longestCode + 1)
/** By length: where its first symbol stands in `symbolsByCode`. */
export const firstSymbol: Int32Array = new Int32Array(longestCode + 1)

for (const length of codeLengths) codeCount[length] = (codeCount[length] as number) + 1
for (let length = 1, code = 0, position = 0; length <= longestCode; length++) {
  firstCode[length] = code
  firstSymbol[length] = position
  const count = codeCount[length] as number
  for (let i = 0; i < count; i++) codes[symbolsByCode[position + i] as number] = code + i
  position += count
  code = (code + count) << 1
}
