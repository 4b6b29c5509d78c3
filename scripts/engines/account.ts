import { execFileSync } from 'node:child_process'

export interface Account {
  readonly uid: number
  readonly gid: number
}

const isRoot = process.getuid?.() === 0

/** The account that a server must run as because it refuses root; undefined when we are not root. */
export function accountOf(user: string | undefined): Account | undefined {
  if (user === undefined || !isRoot) return undefined
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, user], { encoding: 'utf8' }).trim())
  return { uid: id('-u'), gid: id('-g') }
}

/** For servers that change their account by themselves. */
export function accountArgs(user: string): readonly string[] {
  return isRoot ? [`--user=${user}`] : []
}
