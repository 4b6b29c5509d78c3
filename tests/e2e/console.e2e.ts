import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { binaries, needs } from '../../scripts/engines/require.ts'
import { catalogue, orderBody, place, settled } from './lib/order.ts'
import { type Up, up } from './lib/tidemill.ts'

const shots = path.resolve(import.meta.dirname, '../../.cache/screenshots')
const sizes = { wide: { width: 1440, height: 1000 }, phone: { width: 390, height: 844 } } as const

describe('console', needs('chromium'), () => {
  const cleanups: (() => unknown)[] = []
  let platform: Up
  let browser: Browser

  before(async () => {
    mkdirSync(shots, { recursive: true })
    platform = await up(
      { after: (clean: () => unknown) => cleanups.push(clean) },
      '--demo',
      '--rate',
      '8',
    )
    browser = await chromium.launch({
      executablePath: binaries('chromium')['chromium'] ?? '',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-background-networking',
      ],
    })
    const [item] = await catalogue(platform.gateway)
    assert.ok(item)
    await place(platform.gateway, 'console-key', orderBody(item, 2, 'console-1'))
    await settled(platform.gateway, 'console-1')
  })
  after(async () => {
    await browser?.close()
    platform?.child.kill('SIGTERM')
    for (const clean of cleanups) await clean()
  })

  interface Opened {
    readonly page: Page
    readonly problems: string[]
  }

  async function open(
    route: string,
    look: {
      readonly scheme?: 'light' | 'dark'
      readonly size?: keyof typeof sizes
      readonly locale?: string
    } = {},
  ): Promise<Opened> {
    const context = await browser.newContext({
      viewport: sizes[look.size ?? 'wide'],
      colorScheme: look.scheme ?? 'light',
      locale: look.locale ?? 'en-GB',
      reducedMotion: 'reduce',
    })
    cleanups.push(() => context.close().catch(() => undefined))
    const page = await context.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(platform.console) && !request.url().startsWith('data:')) {
        problems.push(`asks a third party: ${request.url()}`)
      }
    })
    await page.goto(`${platform.console}${route}`)
    return { page, problems }
  }

  it('draws the live picture with rates and breaker state and lists the latest orders', async () => {
    const { page, problems } = await open('/')
    await page.locator('.node.gateway').waitFor()
    const picture = page.locator('.picture svg')
    for (const label of ['clients', 'gateway', 'order']) {
      assert.ok((await picture.textContent())?.includes(label), label)
    }
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.edge-label text')].some(
        (text) => Number.parseFloat(text.textContent) > 0,
      ),
    )
    assert.match((await picture.textContent()) ?? '', /closed/u)
    await page.locator('table.orders tbody tr').nth(3).waitFor()
    assert.equal(await page.locator('header [role=status]').textContent(), 'Everything runs')
    assert.deepEqual(problems, [])
  })

  it('follows one order from the list across gateway, saga, payments and events', async () => {
    const { page, problems } = await open('/orders/console-1')
    await page.getByRole('heading', { name: 'Order console-1' }).waitFor()
    const body = (await page.locator('main').textContent()) ?? ''
    for (const part of ['confirmed', 'shop/', 'completed', 'deduct', 'charge', 'OrderPlaced']) {
      assert.ok(body.includes(part), part)
    }
    assert.ok((await page.locator('.timeline li').count()) >= 5)
    await page.getByRole('link', { name: 'All orders' }).click()
    await page.locator('table.orders tbody tr a').first().click()
    await page.locator('h1').waitFor()
    await page.goBack()
    await page.locator('.picture').waitFor()
    await page.getByLabel('Find an order').fill('console-1')
    await page.getByRole('button', { name: 'Follow' }).press('Enter')
    await page.getByRole('heading', { name: 'Order console-1' }).waitFor()
    assert.deepEqual(problems, [])
  })

  it('says so when there is no such order or page', async () => {
    const { page } = await open('/orders/none-such')
    await page.getByText('There is no order none-such.').waitFor()
    await page.goto(`${platform.console}/nowhere/at/all`)
    await page.getByText('There is no such page.').waitFor()
  })

  it('speaks Chinese by the browser language and by choice, and keeps the choice', async () => {
    const { page } = await open('/', { locale: 'zh-CN' })
    await page.getByRole('heading', { name: '最新订单' }).waitFor()
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN')
    await page.getByLabel('语言').selectOption('en')
    await page.getByRole('heading', { name: 'Latest orders' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Latest orders' }).waitFor()
  })

  it('works by keyboard alone', async () => {
    const { page } = await open('/')
    await page.locator('table.orders tbody tr a').first().waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip')
    await page.locator('table.orders tbody tr a').first().focus()
    await page.keyboard.press('Enter')
    await page.locator('h1').waitFor()
  })

  for (const scheme of ['light', 'dark'] as const) {
    for (const size of ['wide', 'phone'] as const) {
      for (const [name, route, locale] of [
        ['overview', '/', 'en-GB'],
        ['order', '/orders/console-1', 'en-GB'],
        ['overview-zh', '/', 'zh-CN'],
      ] as const) {
        it(`${name} fits ${size} in ${scheme} with readable contrast`, async () => {
          const { page } = await open(route, { scheme, size, locale })
          await page
            .locator(name === 'order' ? '.timeline li' : '.node.gateway')
            .first()
            .waitFor()
          if (name !== 'order') await page.locator('table.orders tbody tr').first().waitFor()
          await page.screenshot({
            path: path.join(shots, `${name}-${size}-${scheme}.png`),
            fullPage: true,
          })
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          )
          assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`)
          assert.deepEqual(await poorContrast(page), [])
        })
      }
    }
  }
})

/** Texts whose contrast is under WCAG AA (4.5 to 1; 3 to 1 for large text). */
function poorContrast(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    const rgba = (color: string): number[] => {
      if (canvas === null) return [0, 0, 0, 255]
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = color
      canvas.fillRect(0, 0, 1, 1)
      return [...canvas.getImageData(0, 0, 1, 1).data]
    }
    const luminance = ([r = 0, g = 0, b = 0]: number[]): number => {
      const [x = 0, y = 0, z = 0] = [r, g, b].map((value) => {
        const part = value / 255
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * x + 0.7152 * y + 0.0722 * z
    }
    const background = (element: Element | null): number[] => {
      for (let at = element; at !== null; at = at.parentElement) {
        const color = rgba(getComputedStyle(at).backgroundColor)
        if ((color[3] ?? 0) > 250) return color
      }
      return rgba('white')
    }
    const poor: string[] = []
    for (const element of document.querySelectorAll('main *, header *')) {
      const own = [...element.childNodes].some(
        (child) => child.nodeType === Node.TEXT_NODE && (child.textContent ?? '').trim() !== '',
      )
      if (!own || element.closest('svg') !== null || element instanceof HTMLOptionElement) continue
      const style = getComputedStyle(element)
      if (style.visibility === 'hidden' || element.getClientRects().length === 0) continue
      const a = luminance(rgba(style.color))
      const b = luminance(background(element))
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
      const large = Number.parseFloat(style.fontSize) >= 24
      if (ratio < (large ? 3 : 4.5))
        poor.push(`${ratio.toFixed(2)} ${element.tagName} ${element.textContent.slice(0, 30)}`)
    }
    return [...new Set(poor)]
  })
}
