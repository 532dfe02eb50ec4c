import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', { name: 'Ana' })
  await hub.root.post('/people/ITAPYT999HON', { name: 'Cameron' })
})
afterAll(() => hub.close())

const page = { page_date: '2024-01-02T03:04:05', page_type: 'medical', summary: 'A visit' }
const book = '/pols/ESPGNU777ORG'

describe('a page of life', () => {
  it('is written once, however often the same is sent', async () => {
    const first = await hub.root.post(`${book}/one`, page)
    expect(first.status).toBe(201)
    expect(first.headers.get('Location')).toBe('/pols/ESPGNU777ORG/one')
    expect(first.json).toEqual({ ...page, id: 'one', book: 'ESPGNU777ORG' })
    expect((await hub.root.post('/pols/espgnu777org/one', page)).status).toBe(200)
    expect((await hub.root.post(`${book}/one`, { ...page, book: 'espgnu777org', id: 'one' })).status).toBe(
      200,
    )
    expect((await hub.root.post(`${book}/one`, { ...page, summary: 'Another' })).status).toBe(409)
  })

  it('gets an id when it brings none', async () => {
    const created = await hub.root.post(book, { ...page, id: null })
    expect(created.status).toBe(201)
    const path = created.headers.get('Location') ?? ''
    expect(path).toMatch(/^\/pols\/ESPGNU777ORG\/[0-9a-f-]{36}$/)
    expect((await hub.root.get(path)).json).toEqual(created.json)
    expect((await hub.root.post(book, { ...page, id: 'named' })).headers.get('Location')).toBe(
      `${book}/named`,
    )
  })

  it('says the same book and id as its path, or nothing', async () => {
    for (const wrong of [{ id: 'other' }, { book: 'ITAPYT999HON' }, { id: 5 }, { book: 'no such account' }]) {
      const refused = await hub.root.post(`${book}/two`, { ...page, ...wrong })
      expect(refused.status).toBe(422)
      expect(refused.json).toMatchObject({ errors: [{ pointer: `/${Object.keys(wrong)[0]}` }] })
    }
    expect((await hub.root.post(`${book}/two`, { ...page, id: null, book: null })).status).toBe(201)
  })

  it('is changed, replaced and withdrawn', async () => {
    await hub.root.post(`${book}/three`, page)
    expect((await hub.root.patch(`${book}/three`, { summary: null })).json).not.toHaveProperty('summary')
    expect((await hub.root.put(`${book}/three`, { info: 'all new' })).json).toEqual({
      info: 'all new',
      id: 'three',
      book: 'ESPGNU777ORG',
    })
    expect((await hub.root.delete(`${book}/three`)).status).toBe(204)
    expect((await hub.root.get(`${book}/three`)).status).toBe(410)
    expect((await hub.root.delete(`${book}/three`)).status).toBe(410)
    expect((await hub.root.post(`${book}/three`, page)).status).toBe(410)
    expect((await hub.root.get(`${book}?limit=1000`)).text).not.toContain('"three"')
  })

  it('is found in its own book only', async () => {
    await hub.root.post(`${book}/mine`, page)
    expect((await hub.root.get('/pols/ITAPYT999HON/mine')).status).toBe(404)
    expect((await hub.root.patch('/pols/ITAPYT999HON/mine', { summary: 'stolen' })).status).toBe(404)
    expect((await hub.root.post('/pols/ITAPYT999HON/mine', { summary: 'his own' })).status).toBe(201)
    expect((await hub.root.get(`${book}/mine`)).json).toMatchObject({ summary: 'A visit' })
  })

  it('needs its person: 404 before there is one, 410 after', async () => {
    expect((await hub.root.post('/pols/ESPBBB001ORG/early', page)).status).toBe(404)
    expect((await hub.root.get('/pols/ESPBBB001ORG')).status).toBe(404)
    expect((await hub.root.get('/pols/ESPBBB001ORG/early')).status).toBe(404)
    await hub.root.post('/people/ESPBBB001ORG', { active: false })
    expect((await hub.root.post('/pols/ESPBBB001ORG/early', page)).status).toBe(201)
    expect((await hub.root.delete('/people/ESPBBB001ORG')).status).toBe(204)
    for (const path of ['/pols/ESPBBB001ORG', '/pols/ESPBBB001ORG/early'])
      expect((await hub.root.get(path)).status).toBe(410)
    expect((await hub.root.patch('/pols/ESPBBB001ORG/early', { info: 'x' })).status).toBe(410)
  })

  it('answers HEAD like GET without a body, and other methods with what it takes', async () => {
    await hub.root.post(`${book}/head`, page)
    const get = await hub.root.get(`${book}/head`)
    const head = await hub.root.send('HEAD', `${book}/head`)
    expect(head.status).toBe(200)
    expect(head.text).toBe('')
    expect(head.headers.get('Content-Length')).toBe(String(Buffer.byteLength(get.text)))
    const wrong = await hub.root.send('PUT', book, { body: page })
    expect(wrong.status).toBe(405)
    expect(wrong.headers.get('Allow')).toBe('GET, HEAD, POST, OPTIONS')
  })
})

describe('what a page may say', () => {
  it.each([
    { medical_context: 5 },
    { context: ['stress'] },
    { relevance: 'x'.repeat(201) },
    { domain: 'x'.repeat(201) },
    { page_date: '2023-02-29' },
    { page_date: 'yesterday' },
    { page_date: '2024-01-02T25:00:00' },
    { page_date: 20240102 },
    { summary: 5 },
    { privacy: 'yes' },
    { creation_info: 'me' },
  ])('is not %j', async wrong => {
    const refused = await hub.root.post(`${book}/never`, { ...page, ...wrong })
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ errors: [{ pointer: `/${Object.keys(wrong)[0]}` }] })
    expect((await hub.root.patch(`${book}/one`, wrong)).status).toBe(422)
  })

  it('is null everywhere, fields nobody knows, and words of both clients', async () => {
    const body = {
      page_type: null,
      domain: 'lifestyle',
      context: 'sleep',
      relevance: null,
      page_date: null,
      genetic_info: null,
      fsynced: true,
      page: 'an ordinary field',
      measurements: "{'bp': {'systolic': 120}}",
      nested: { deep: [1, { deeper: null }] },
    }
    await hub.root.post(`${book}/odd`, body)
    expect((await hub.root.get(`${book}/odd`)).json).toEqual({ ...body, id: 'odd', book: 'ESPGNU777ORG' })
  })

  it('names every wrong field at once', async () => {
    const refused = await hub.root.post(`${book}/never`, { page_type: 1, relevance: 2, page_date: 'z' })
    expect(refused.json).toMatchObject({
      type: 'urn:thalamus:problem:invalid',
      status: 422,
      errors: [{ pointer: '/page_date' }, { pointer: '/page_type' }, { pointer: '/relevance' }],
    })
  })

  it('has other words than the known ones, kept as they came and found by their filters', async () => {
    const body = {
      page_type: 'Environmental',
      medical_context: 'misc_',
      social_context: 'Stress',
      context: 'nothing',
      relevance: 'high',
    }
    await hub.root.post(`${book}/words`, body)
    await hub.root.post(`${book}/its-words`, { domain: 'ENVIRONMENTAL', context: 'MISC_' })
    expect((await hub.root.get(`${book}/words`)).json).toMatchObject(body)
    const idsBy = async (filter: string) => {
      const reply = await hub.root.get(`${book}?${filter}`)
      return (reply.json as { id: string }[]).map(({ id }) => id).sort()
    }
    expect(await idsBy('page_type=environmental')).toEqual(['its-words', 'words'])
    expect(await idsBy('medical_context=misc_')).toEqual(['its-words', 'words'])
    expect(await idsBy('relevance=HIGH')).toEqual(['words'])
    expect(await idsBy('medical_context=nothing')).toEqual([])
  })

  it('has empty texts, which count as null for filters and the order', async () => {
    const empty = { page_type: '', medical_context: '', context: '', relevance: '', page_date: '' }
    await hub.root.post('/people/ESPEMP001ORG', {})
    const empties = '/pols/ESPEMP001ORG'
    await hub.root.post(`${empties}/dated`, { page_date: '2024-01-02' })
    for (const status of [201, 200])
      expect((await hub.root.post(`${empties}/one`, { ...empty, domain: 'medical' })).status).toBe(status)
    expect((await hub.root.get(`${empties}/one`)).json).toMatchObject({ ...empty, domain: 'medical' })
    expect((await hub.root.get(`${empties}?page_type=medical`)).json).toMatchObject([{ id: 'one' }])
    for (const filter of ['page_type', 'medical_context', 'relevance'])
      expect((await hub.root.get(`${empties}?${filter}=`)).json).toEqual([])
    expect((await hub.root.get(empties)).json).toMatchObject([{ id: 'dated' }, { id: 'one' }])
  })
})
