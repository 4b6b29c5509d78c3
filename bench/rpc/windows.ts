interface Windows {
  readonly flow?: {
    readonly stream: number
    readonly connection: number
    readonly autoTune: false
  }
}

/** Options of a server or channel for `auto`, or for fixed windows written `STREAM/CONNECTION` in bytes. */
export function readWindows(text: string): Windows {
  if (text === 'auto') return {}
  const [stream = Number.NaN, connection = Number.NaN] = text.split('/').map(Number)
  return { flow: { stream, connection, autoTune: false } }
}
