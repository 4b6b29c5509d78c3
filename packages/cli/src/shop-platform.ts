import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Closable } from '@tidemill/core'
import { type Platform, startPlatform } from '@tidemill/platform'
import type { Shop } from '@tidemill/shop'
import { cliErrors } from './errors.ts'
import { shopSystem } from './shop-system.ts'
import { version } from './version.ts'

export interface ShopPlatformOptions {
  readonly dataDir: string | undefined
  readonly port: number | 'auto'
  readonly seed: number
  readonly declineRatio: number
}

export interface ShopPlatform extends Closable {
  readonly platform: Platform
  readonly shop: Shop
}

/** The platform with the shop in it, as `up` and `demo` start it. */
export async function startShopPlatform(options: ShopPlatformOptions): Promise<ShopPlatform> {
  let shop: Shop | undefined
  const platform = await startPlatform({
    dataDir: options.dataDir,
    port: options.port,
    version,
    consoleDir: consoleDir(),
    systems: [
      shopSystem({
        seed: options.seed,
        declineRatio: options.declineRatio,
        onOpen: (opened) => {
          shop = opened
        },
      }),
    ],
  })
  if (shop === undefined) throw new TypeError('the shop was not opened')
  return {
    platform,
    shop,
    close: () => platform.close(),
    [Symbol.asyncDispose]: () => platform.close(),
  }
}

/** The console's build: beside the package when installed, in the workspace when run from a checkout. */
function consoleDir(): string | undefined {
  return ['../console/', '../../../apps/console/dist/']
    .map((folder) => fileURLToPath(new URL(folder, import.meta.url)))
    .find((folder) => existsSync(`${folder}index.html`))
}

/** `--port`: a number that leaves room for the gateway ten above, or `auto`. */
export function parsePort(text: string): number | 'auto' {
  if (text === 'auto') return 'auto'
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_525) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `--port takes auto or a number from 1 to 65525, not "${text}"`,
      suggestion: 'The gateway listens ten above the console; try --port auto.',
    })
  }
  return port
}
