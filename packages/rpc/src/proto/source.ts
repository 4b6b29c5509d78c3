/** What is wrong with a .proto file, and where: lines and columns count from 1. */
export interface ProtoProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Problems of one file after which nobody reads on. */
const mostProblems = 50

/** The text of one file with the problems found in it. */
export class Source {
  readonly name: string
  readonly text: string
  readonly problems: ProtoProblem[] = []
  #lineStarts: number[] | undefined = undefined

  constructor(name: string, text: string) {
    this.name = name
    this.text = text
  }

  get hopeless(): boolean {
    return this.problems.length >= mostProblems
  }

  /** Notes a problem at an offset of the text. */
  report(at: number, message: string): void {
    if (this.hopeless) return
    this.#lineStarts ??= lineStarts(this.text)
    let line = 0
    let high = this.#lineStarts.length
    while (high - line > 1) {
      const middle = (line + high) >> 1
      if ((this.#lineStarts[middle] as number) <= at) line = middle
      else high = middle
    }
    const column = at - (this.#lineStarts[line] as number) + 1
    if (this.problems.some((known) => known.line === line + 1 && known.column === column)) return
    this.problems.push({ file: this.name, line: line + 1, column, message })
  }
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
