/** `[######----]  60 %  15,540/25,900` for a status line. */
export function progressBar(done: number, total: number, width = 24): string {
  const share = total <= 0 ? 0 : Math.min(1, done / total)
  const full = Math.round(share * width)
  const bar = '#'.repeat(full) + '-'.repeat(width - full)
  return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${count(done)}/${count(total)}`
}

/** A count with thousands separated. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
