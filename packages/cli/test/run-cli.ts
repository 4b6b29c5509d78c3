import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { run } from '@tidemill/cli'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly done: Promise<Ran>
  /** What is on stdout by now. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves when the text of stdout and stderr together matches. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  /** As Ctrl-C. */
  interrupt(): void
}

/** Runs the command line in this process; `interrupt` is Ctrl-C. */
export function start(...argv: readonly string[]): Running {
  const texts = ['', '']
  const waiting = new Set<() => void>()
  const sink = (index: number): NodeJS.WriteStream =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[index] += chunk.toString()
        for (const look of waiting) look()
        done()
      },
    }) as unknown as NodeJS.WriteStream
  const controller = new AbortController()
  const done = run(argv, {
    stdout: sink(0),
    stderr: sink(1),
    env: {},
    signal: controller.signal,
  }).then((code) => ({ code, stdout: texts[0] ?? '', stderr: texts[1] ?? '' }))
  return {
    done,
    stdout: () => texts[0] ?? '',
    stderr: () => texts[1] ?? '',
    until(pattern) {
      const found = Promise.withResolvers<RegExpExecArray>()
      const look = (): void => {
        const match = pattern.exec(texts.join(''))
        if (match === null) return
        waiting.delete(look)
        found.resolve(match)
      }
      waiting.add(look)
      look()
      const ended = done.then(({ code, stderr }) => {
        throw new Error(`it ended with ${code} before ${pattern.source}: ${stderr}`)
      })
      const late = new Promise<never>((_resolve, reject) => {
        AbortSignal.timeout(15_000).addEventListener('abort', () => {
          reject(new Error(`no ${pattern.source} in: ${texts.join('')}`))
        })
      })
      return Promise.race([found.promise, ended, late])
    },
    interrupt: () => controller.abort(new Error('SIGINT')),
  }
}

export function cli(...argv: readonly string[]): Promise<Ran> {
  return start(...argv).done
}

export interface Folder extends AsyncDisposable {
  readonly path: (name: string) => string
  /** Writes a file and gives its path. */
  readonly write: (name: string, text: string) => Promise<string>
}

export async function folder(): Promise<Folder> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'tidemill-gateway-'))
  const place = (name: string): string => path.join(dir, name)
  return {
    path: place,
    write: async (name, text) => {
      await writeFile(place(name), text)
      return place(name)
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  }
}

/** The data of the one document on stdout. */
export function dataOf(text: string): unknown {
  return (JSON.parse(text) as { data: unknown }).data
}
