/** Pence, cents, sen: the smallest unit of a currency, always a safe integer. */
export type Minor = number

/** The largest amount that one order may come to: ten billion pounds in pence, far inside the safe integers. */
export const largestAmount: Minor = 1_000_000_000_000

/**
 * Reads a decimal text such as `2.55`, `11062.06` or `-0.5` into hundredths, digit by digit and without floats.
 * Gives null for an amount that is not whole hundredths (`0.001`) and undefined for a text that is no decimal.
 */
export function parseHundredths(text: string): Minor | null | undefined {
  const match = /^(-?)(\d{1,10})(?:\.(\d{1,8}))?$/u.exec(text)
  if (match === null) return undefined
  const fraction = match[3] ?? ''
  if (/[1-9]/u.test(fraction.slice(2))) return null
  const value = Number(match[2]) * 100 + Number(fraction.slice(0, 2).padEnd(2, '0'))
  return match[1] === '-' && value !== 0 ? -value : value
}

/** Writes hundredths as a decimal with two places, for example 255 is `2.55`. */
export function formatHundredths(amount: Minor): string {
  const digits = String(Math.abs(amount)).padStart(3, '0')
  return `${amount < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}

const currencies: ReadonlySet<string> = new Set(
  Intl.supportedValuesOf('currency').filter(
    // X codes are metals, funds and tests, except the four currency unions.
    (code) => !code.startsWith('X') || ['XAF', 'XCD', 'XOF', 'XPF'].includes(code),
  ),
)

/** True for an ISO 4217 code that money can be paid in. */
export function isCurrency(code: string): boolean {
  return currencies.has(code)
}
