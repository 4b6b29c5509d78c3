export interface CodeBlock {
  readonly language: string
  readonly code: string
}

export interface Heading {
  readonly level: number
  readonly text: string
}

const fence = /^```(\w*)\n([\s\S]*?)^```$/gmu

export function codeBlocks(markdown: string): CodeBlock[] {
  return [...markdown.matchAll(fence)].map(([, language = '', code = '']) => ({ language, code }))
}

export function headings(markdown: string): Heading[] {
  const prose = markdown.replaceAll(fence, '')
  return [...prose.matchAll(/^(#+) (.+)$/gmu)].map(([, marks = '', text = '']) => ({
    level: marks.length,
    text,
  }))
}

/** Targets of links that lead to files, without their anchors. */
export function fileLinks(markdown: string): string[] {
  return [...markdown.replaceAll(fence, '').matchAll(/\]\(([^)\s]+)\)/gu)]
    .map(([, target = '']) => target.replace(/#.*$/u, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/u.test(target))
}

/** Everything in backquotes outside of blocks: names, commands, numbers that a translation must not change. */
export function inlineCode(markdown: string): string[] {
  return [...markdown.replaceAll(fence, '').matchAll(/`([^`]+)`/gu)].map(([, code = '']) => code)
}
