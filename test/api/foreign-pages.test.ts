import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

const portal = 'https://portal.example.org'
let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub({ CORS_ORIGINS: portal })
  await hub.root.post('/people/ESPGNU777ORG', {})
})
afterAll(() => hub.close())

/** A request that a browser sends with the credentials it remembers. */
const change = async (site: string, origin: string) =>
  (await hub.root.patch('/people/ESPGNU777ORG', {}, { 'Sec-Fetch-Site': site, Origin: origin })).status

describe('a page that a browser shows', () => {
  it.each(['cross-site', 'same-site'])('of another origin may not write (%s)', async site => {
    expect(await change(site, 'https://evil.example')).toBe(403)
    expect(await change(site, 'null')).toBe(403)
    const posted = await hub.root.send('POST', '/password/ESPGNU777ORG', {
      headers: { 'Sec-Fetch-Site': site, Origin: 'https://evil.example' },
      body: { password: 'gnusolidario' },
    })
    expect(posted.status).toBe(403)
  })

  it('of an origin that the operator allows may, and so may the hub’s own', async () => {
    expect(await change('cross-site', portal)).toBe(200)
    expect(await change('same-origin', hub.url)).toBe(200)
    expect(await change('none', hub.url)).toBe(200)
  })

  it('of another origin may follow a link', async () => {
    const headers = { 'Sec-Fetch-Site': 'cross-site' }
    expect((await hub.root.get('/people/ESPGNU777ORG', headers)).status).toBe(200)
  })
})
