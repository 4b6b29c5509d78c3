/** What was bought and may still be given back, by customer and item. */
export interface Purchases {
  bought(customer: string, orderId: string, sku: string, quantity: number): void
  /**
   * Takes units back, newest order first. All or nothing: undefined, and nothing taken, when fewer were bought
   * and not yet given back than asked for.
   */
  giveBack(customer: string, sku: string, quantity: number): readonly Returned[] | undefined
}

export interface Returned {
  readonly orderId: string
  readonly quantity: number
}

/** `remember` bounds the memory: only that many of the latest orders can be given back. */
export function createPurchases(remember: number): Purchases {
  const byItem = new Map<string, { orderId: string; left: number }[]>()
  const orders = new Map<string, string[]>()

  const forgetOldest = (): void => {
    for (const [orderId, keys] of orders) {
      for (const key of keys) {
        const left = byItem.get(key)?.filter((entry) => entry.orderId !== orderId) ?? []
        if (left.length === 0) byItem.delete(key)
        else byItem.set(key, left)
      }
      orders.delete(orderId)
      return
    }
  }

  return {
    bought(customer, orderId, sku, quantity) {
      const key = `${customer} ${sku}`
      const entries = byItem.get(key)
      if (entries === undefined) byItem.set(key, [{ orderId, left: quantity }])
      else entries.push({ orderId, left: quantity })
      const keys = orders.get(orderId)
      if (keys !== undefined) {
        keys.push(key)
        return
      }
      orders.set(orderId, [key])
      if (orders.size > remember) forgetOldest()
    },
    giveBack(customer, sku, quantity) {
      const entries = byItem.get(`${customer} ${sku}`) ?? []
      if (entries.reduce((sum, entry) => sum + entry.left, 0) < quantity) return undefined
      const returned: Returned[] = []
      let wanted = quantity
      for (const entry of entries.toReversed()) {
        const taken = Math.min(entry.left, wanted)
        if (taken === 0) continue
        entry.left -= taken
        wanted -= taken
        returned.push({ orderId: entry.orderId, quantity: taken })
      }
      return returned
    },
  }
}
