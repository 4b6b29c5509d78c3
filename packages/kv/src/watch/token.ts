import { refuse } from '../check.ts'

/** What a resume token says: of which store, and up to where its changes have been delivered. */
export interface Position {
  readonly storeId: string
  readonly revision: number
}

export function formatToken(position: Position): string {
  return `tm1.${position.storeId}.${position.revision}`
}

export function parseToken(token: string): Position {
  const match = /^tm1\.([0-9a-f-]+)\.(\d{1,16})$/u.exec(token)
  if (match === null) {
    refuse('watch', [
      { path: '/resume', message: 'is not a token that a batch gave', received: token },
    ])
  }
  return { storeId: match?.[1] ?? '', revision: Number(match?.[2]) }
}
