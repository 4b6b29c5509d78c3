export interface FoundImport {
  readonly specifier: string
  readonly line: number
}

// Only comments that begin a line: a glob such as 'packages/*/src' in a string must not open one.
const comments = /^[ \t]*\/\*[\s\S]*?\*\/|^[ \t]*\/\/.*$/gmu
const patterns = [
  // import x from 'a', export { x } from 'a', over several lines
  /^[ \t]*(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])(?<specifier>[^'"\n]+)\1/gmu,
  // import 'a'
  /^[ \t]*import\s*(['"])(?<specifier>[^'"\n]+)\1/gmu,
  // import('a'), typeof import('a'), require('a'), require.resolve('a'), import.meta.resolve('a')
  /\b(?:import|require|require\.resolve|import\.meta\.resolve)\(\s*(['"])(?<specifier>[^'"\n]+)\1/gu,
  // new URL('./worker.ts', import.meta.url), but not a document that a test reads
  /\bnew URL\(\s*(['"])(?<specifier>\.[^'"\n]*\.[cm]?[jt]sx?)\1,\s*import\.meta\.url/gu,
]

/** Every module or file that TypeScript source names: imports, re-exports, dynamic imports, worker URLs. */
export function findImports(source: string): FoundImport[] {
  const code = source.replaceAll(comments, (comment) => comment.replaceAll(/[^\n]/gu, ' '))
  const found = patterns.flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => {
      const specifier = match.groups?.['specifier'] ?? ''
      const end = match.index + match[0].length
      return { specifier, line: code.slice(0, end).split('\n').length }
    }),
  )
  return found.toSorted((a, b) => a.line - b.line)
}

/** The package of a bare specifier: `@a/b` of `@a/b/c`, `d` of `d/e`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
