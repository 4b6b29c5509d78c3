import type { ItemRequest } from '../order/order-request.ts'

/** What a fresh installation sells, so that the first order can be placed at once. */
export const seededItems: readonly (ItemRequest & { readonly sku: string })[] = [
  item('TM-LANTERN', 'Storm lantern, brass', 2495),
  item('TM-MUG', 'Stoneware mug, sea green', 895),
  item('TM-KETTLE', 'Enamel kettle, 1.5 l', 3250),
  item('TM-APRON', 'Linen apron, natural', 2100),
  item('TM-BOARD', 'Oak chopping board', 1875),
  item('TM-BELL', 'Ship bell, small', 4300),
  item('TM-ROPE', 'Cotton rope, 10 m', 650),
  item('TM-CHART', 'Tide chart, framed', 5600),
  item('TM-SOAP', 'Salt soap', 425),
  item('TM-BASKET', 'Willow basket', 2780),
  item('TM-CANDLE', 'Beeswax candle', 540),
  item('TM-TOWEL', 'Waffle towel, grey', 1320),
]

function item(
  sku: string,
  description: string,
  unitPrice: number,
): ItemRequest & { readonly sku: string } {
  return { sku, description, unitPrice, currency: 'GBP', available: 1_000_000 }
}
