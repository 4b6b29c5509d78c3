/** Minor units as people write money: 123456 of GBP is `1,234.56 GBP`. */
export function formatMoney(minor: number | string, currency: string): string {
  const value = BigInt(minor)
  const digits = (value < 0n ? -value : value).toString().padStart(3, '0')
  const whole = digits.slice(0, -2).replaceAll(/\B(?=(\d{3})+$)/gu, ',')
  return `${value < 0n ? '-' : ''}${whole}.${digits.slice(-2)} ${currency}`
}
