import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemNames, problemTypes } from '../../api/http/problem-types.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { readOpenApi } from '../support/openapi.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

describe('the page at /docs', () => {
  it('answers itself, without credentials, to HEAD too', async () => {
    const page = await hub.nobody.get('/docs')
    expect([page.status, page.headers.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8'])
    const tag = page.headers.get('ETag') ?? ''
    expect((await hub.nobody.get('/docs', { 'If-None-Match': tag })).status).toBe(304)
    const head = await hub.nobody.send('HEAD', '/docs')
    expect([head.status, head.text]).toEqual([200, ''])
    expect((await hub.nobody.send('POST', '/docs')).status).toBe(405)
    expect((await hub.nobody.get('/docs?url=https://evil.example')).status).toBe(422)
  })

  it('runs nothing but files of the hub', async () => {
    const { text, headers } = await hub.nobody.get('/docs')
    const policy = headers.get('Content-Security-Policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=|<style|style="|https?:/)
  })

  it('loads only what is there, each file as what it is', async () => {
    const { text } = await hub.nobody.get('/docs')
    const files = [...new Set([...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path))]
    expect(files).toHaveLength(5)
    for (const path of files) {
      const file = await hub.nobody.get(path)
      expect(file.status, path).toBe(200)
      const type = path.endsWith('.js')
        ? 'text/javascript'
        : path.endsWith('.css')
          ? 'text/css'
          : 'application/json'
      expect(file.headers.get('Content-Type')?.split(';')[0]).toBe(type)
      expect(file.headers.get('X-Content-Type-Options')).toBe('nosniff')
      const again = await hub.nobody.get(path, { 'If-None-Match': file.headers.get('ETag') ?? '' })
      expect([again.status, again.text]).toEqual([304, ''])
    }
    const { text: initializer } = await hub.nobody.get('/docs/initializer.js')
    expect(initializer).not.toMatch(/https?:/)
  })

  it('explains every type of problem, also without a script', async () => {
    const { text } = await hub.nobody.get('/docs')
    for (const name of problemNames) {
      expect(text).toContain(
        `<dt id="${name}"><code>urn:thalamus:problem:${name}</code> — ${problemTypes[name].status}`,
      )
      expect(text).toContain(problemTypes[name].remedy)
    }
  })

  it('lists every request by resource, with the problems that may answer it, also without a script', async () => {
    const { text } = await hub.nobody.get('/docs')
    const { operations } = await readOpenApi(hub.nobody)
    expect(text.match(/<li><code>[A-Z]+ \//g)).toHaveLength(operations.length)
    for (const { name, tag } of operations) {
      expect(text).toContain(`<details id="requests-${tag}">`)
      expect(text).toContain(`<li><code>${name}</code>`)
    }
    const ids = new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
    for (const [, id] of text.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(id)
    expect(text).toMatch(/<code>GET \/people\/\{id\}<\/code>.*<a href="#not-found">404<\/a>/)
  })

  it('opens nothing else', async () => {
    for (const path of [
      '/docs/',
      '/docs/index.html',
      '/docs/swagger-ui-bundle.js.map',
      '/docs/../package.json',
      '/openapi.yaml',
    ])
      expect((await hub.nobody.get(path)).status, path).toBe(401)
  })
})
