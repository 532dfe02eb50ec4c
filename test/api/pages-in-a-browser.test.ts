import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumFlags, chromiumPath } from '../support/chromium.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

if (chromiumPath === undefined)
  console.warn('The tests of pages in a browser are skipped: there is no Chromium. CHROMIUM_PATH names one.')

describe.skipIf(chromiumPath === undefined)('in a browser', { timeout: 120_000 }, () => {
  let hub: TestHub
  let browser: Browser
  beforeAll(async () => {
    hub = await startTestHub()
    browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: chromiumFlags })
  })
  afterAll(async () => {
    await browser?.close()
    await hub.close()
  })

  const scrollWidth = (page: Page) => page.evaluate('document.documentElement.scrollWidth')

  /** A page of the hub, and what goes wrong on it or is asked for elsewhere. */
  const open = async (width: number, path: string, javaScriptEnabled = true) => {
    const context = await browser.newContext({ viewport: { width, height: 850 }, javaScriptEnabled })
    const page = await context.newPage()
    const surprises: string[] = []
    page.on('request', request => {
      const { origin, protocol } = new URL(request.url())
      if (origin !== hub.url && protocol !== 'data:') surprises.push(request.url())
    })
    page.on('console', message => {
      if (message.type() === 'error') surprises.push(message.text())
    })
    page.on('pageerror', error => surprises.push(error.message))
    await page.goto(`${hub.url}${path}`)
    return { page, surprises, close: () => context.close() }
  }

  describe.each([390, 1280])('%i pixels wide', width => {
    it('the page at / fits and has links', async () => {
      const { page, surprises, close } = await open(width, '/')
      expect(await scrollWidth(page)).toBeLessThanOrEqual(width)
      await page.click('a[href="/docs"]')
      await page.waitForURL('**/docs')
      expect(surprises).toEqual([])
      await close()
    })

    it('the page at /docs fits, closed and open, and loads nothing from elsewhere', async () => {
      const { page, surprises, close } = await open(width, '/docs')
      const groups = page.locator('.opblock-tag')
      await groups.first().waitFor()
      expect(await page.locator('.opblock').count()).toBe(0)
      expect(await scrollWidth(page)).toBeLessThanOrEqual(width)
      // Each path has one: every group opens.
      await page.fill('#filter input', '/')
      await page.locator('#operations-hub-get').waitFor()
      expect(await scrollWidth(page)).toBeLessThanOrEqual(width)
      for (const id of ['people-get_people', 'people-post_people_id']) {
        await page.locator(`#operations-${id} .opblock-summary-control`).click()
        await page.locator(`#operations-${id} .responses-table`).first().waitFor()
      }
      expect(await scrollWidth(page)).toBeLessThanOrEqual(width)
      await page.locator('#operations-people-get_people a[href="/docs#invalid"]').waitFor()
      expect(surprises).toEqual([])
      await close()
    })

    it('the filter of /docs leaves the requests that hold every word', async () => {
      const { page, close } = await open(width, '/docs')
      await page.fill('#filter input', 'put personal content')
      await page.locator('.opblock').first().waitFor()
      expect(await page.locator('.opblock-summary-path').allInnerTexts()).toEqual([
        expect.stringMatching(/^\/personal-documents\/\{id\}\W*\/content$/),
      ])
      expect(await page.locator('#filter output').textContent()).toBe('1 found')
      await page.fill('#filter input', '')
      await page.locator('.opblock').first().waitFor({ state: 'detached' })
      expect(await page.locator('.opblock-tag').count()).toBeGreaterThan(10)
      await close()
    })

    it('the page at /docs fits without a script', async () => {
      const { page, close } = await open(width, '/docs', false)
      for (const summary of await page.locator('summary').all()) await summary.click()
      const box = await page.locator('#requests').boundingBox()
      expect((box?.x ?? 0) + (box?.width ?? width)).toBeLessThanOrEqual(width)
      await close()
    })
  })
})
