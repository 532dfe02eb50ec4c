import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

const links = ['/docs', '/openapi.json', '/readyz']

describe('GET /', () => {
  it.each([undefined, '*/*', 'application/json', 'image/png', 'text/html;q=0.4, application/json;q=0.5'])(
    'with Accept %s is JSON with links that answer',
    async accept => {
      const start = await hub.nobody.get('/', accept === undefined ? {} : { Accept: accept })
      expect([start.status, start.headers.get('Content-Type')]).toEqual([200, 'application/json'])
      expect(start.json).toMatchObject({ name: 'Thalamus', description: expect.any(String) })
      const named = Object.values((start.json as { links: Record<string, string> }).links)
      expect(named).toEqual(links)
      for (const link of named) expect((await hub.nobody.get(link)).status).toBe(200)
    },
  )

  it.each([
    'text/html',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'application/json;q=0.4, text/*;q=0.5',
  ])('with Accept %s is a page with the same links', async accept => {
    const page = await hub.nobody.get('/', { Accept: accept })
    expect([page.status, page.headers.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect([...page.text.matchAll(/<a href="([^"]+)"/g)].map(([, link]) => link)).toEqual(links)
    expect(page.headers.get('Content-Security-Policy')).toMatch(/^default-src 'none';(?!.*script)/)
    expect(page.text).not.toMatch(/<script|<style|style="/)
    expect(page.headers.get('Vary')).toBe('Accept, Accept-Encoding')
  })

  it('takes no other method and no parameter', async () => {
    expect((await hub.nobody.send('HEAD', '/')).status).toBe(200)
    expect((await hub.nobody.send('POST', '/')).headers.get('Allow')).toBe('GET, HEAD, OPTIONS')
    expect((await hub.nobody.get('/?x=1')).status).toBe(422)
  })
})

describe('the version in /readyz', () => {
  it('is for nodes and people with the role root', async () => {
    const node = await enrolledNode(hub.url, hub.root, 'monitor', [])
    for (const client of [hub.root, node])
      expect((await client.get('/readyz')).json).toMatchObject({ status: 'ready', version: manifest.version })
  })

  it('is not there for others, who get the rest', async () => {
    const person = await hub.person('ESPGNU777ORG', ['end_user'])
    const impostor = hub.as('ARGBUE111FAV', 'a wrong password')
    for (const client of [hub.nobody, person, impostor]) {
      const ready = await client.get('/readyz')
      expect(ready.status).toBe(200)
      expect(ready.json).not.toHaveProperty('version')
    }
  })
})
