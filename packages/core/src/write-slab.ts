/** A run of output bytes; `release` gives its memory back once the bytes are written. */
export interface SlabPiece {
  readonly bytes: Buffer
  /** Call once, when nothing reads `bytes` any more. */
  release(): void
}

const blockBytes = 64 * 1024
/** From here on a reference is cheaper than a copy. */
const referenceBytes = 16 * 1024
/** Blocks kept for the next writer of this thread; more than this is left to the garbage collector. */
const pooledBlocks = 64
const pool: Buffer[] = []

function takeBlock(): Buffer {
  return pool.pop() ?? Buffer.allocUnsafeSlow(blockBytes)
}

function giveBlock(block: Buffer): void {
  if (pool.length < pooledBlocks) pool.push(block)
}

const nothing = Buffer.alloc(0)

/** Memory of a block that is shared by the pieces cut from it. */
class Block {
  readonly buffer: Buffer
  readonly pooled: boolean
  /** Pieces not yet released, and one for the slab while it writes into the block. */
  holders = 1

  constructor(buffer: Buffer, pooled: boolean) {
    this.buffer = buffer
    this.pooled = pooled
  }

  release(): void {
    this.holders--
    if (this.holders === 0 && this.pooled) giveBlock(this.buffer)
  }
}

class Piece implements SlabPiece {
  readonly bytes: Buffer
  #block: Block | undefined

  constructor(bytes: Buffer, block: Block | undefined) {
    this.bytes = bytes
    this.#block = block
  }

  release(): void {
    const block = this.#block
    this.#block = undefined
    block?.release()
  }
}

/**
 * What a connection has to send: encoders write into pooled blocks of 64 KiB, the binding takes everything once a turn
 * and hands it to the socket. A connection with nothing to send holds no memory. Bytes leave in the order in which
 * they were written.
 *
 * @example
 * const at = slab.reserve(9)
 * slab.buffer.writeUInt32BE(length, at)
 * slab.commit(at + 9)
 */
export class WriteSlab {
  /** Where `reserve` made room; another one after each `reserve`. */
  buffer: Buffer = nothing
  #block: Block | undefined = undefined
  /** First byte of `buffer` that no piece covers. */
  #start = 0
  #end = 0
  readonly #sealed: SlabPiece[] = []
  #sealedBytes = 0
  #taken = 0

  /** Bytes written and not yet taken. */
  get pending(): number {
    return this.#sealedBytes + this.#end - this.#start
  }

  /** Bytes taken so far, those thrown away included. */
  get taken(): number {
    return this.#taken
  }

  /**
   * Makes room for `bytes` contiguous bytes and returns where they begin in `buffer`. Nothing is written until
   * `commit`; a second `reserve` without one gives the same room again.
   */
  reserve(bytes: number): number {
    if (this.buffer.length - this.#end >= bytes) return this.#end
    this.#seal()
    this.#leaveBlock()
    const pooled = bytes <= blockBytes
    const buffer = pooled ? takeBlock() : Buffer.allocUnsafeSlow(bytes)
    this.#block = new Block(buffer, pooled)
    this.buffer = buffer
    this.#start = 0
    this.#end = 0
    return 0
  }

  /** Says that everything before `end` has been written. */
  commit(end: number): void {
    this.#end = end
  }

  /** Adds bytes: small ones are copied, from 16 KiB on the caller must leave them unchanged until they are written. */
  append(bytes: Uint8Array): void {
    if (bytes.length >= referenceBytes) {
      this.#seal()
      const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      this.#sealed.push(new Piece(view, undefined))
      this.#sealedBytes += bytes.length
      return
    }
    const at = this.reserve(bytes.length)
    this.buffer.set(bytes, at)
    this.#end = at + bytes.length
  }

  /** The next run of bytes to send, oldest first; undefined when there is nothing. */
  take(): SlabPiece | undefined {
    if (this.#sealed.length === 0) {
      this.#seal()
      this.#leaveBlock()
    }
    const piece = this.#sealed.shift()
    if (piece !== undefined) {
      this.#sealedBytes -= piece.bytes.length
      this.#taken += piece.bytes.length
    }
    return piece
  }

  /** Throws away what was not taken. */
  clear(): void {
    for (let piece = this.take(); piece !== undefined; piece = this.take()) piece.release()
  }

  /** Turns what was written since the last piece into a piece. */
  #seal(): void {
    if (this.#end === this.#start) return
    const block = this.#block
    if (block !== undefined) block.holders++
    this.#sealed.push(new Piece(this.buffer.subarray(this.#start, this.#end), block))
    this.#sealedBytes += this.#end - this.#start
    this.#start = this.#end
  }

  /** Gives up the block written into; its pieces keep it until they are released. */
  #leaveBlock(): void {
    this.#block?.release()
    this.#block = undefined
    this.buffer = nothing
    this.#start = 0
    this.#end = 0
  }
}
