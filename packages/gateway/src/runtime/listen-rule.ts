import type { SocketAddress } from '../configuration/index.ts'

/** Where Gateways are bound. */
export interface ListenRule {
  /** `namespace/name`; without it every Gateway that no other rule names. */
  readonly gateway?: string
  readonly address: string
  /** Instead of the port that the Gateway says: 0 is any free one. */
  readonly port?: number
}

/** The address of a port of a Gateway by the first rule that names it, else by the first that names none. */
export function listenAddressOf(
  rules: readonly ListenRule[],
): (gateway: string, port: number) => SocketAddress | undefined {
  const fallback: ListenRule = rules.find((rule) => rule.gateway === undefined) ?? {
    address: '127.0.0.1',
  }
  return (gateway, port) => {
    const rule: ListenRule = rules.find((one) => one.gateway === gateway) ?? fallback
    return { address: rule.address, port: rule.port ?? port }
  }
}
