import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

const [ana, eva, gone] = ['ESPGNU777ORG', 'ESPEVA001ORG', 'ESPGON001ORG']
let hub: TestHub
let reader: Client
beforeAll(async () => {
  hub = await startTestHub()
  reader = await hub.person(ana, ['end_user'])
  for (const account of [eva, gone]) await hub.root.post(`/people/${account}`, { active: false })
  for (const [id, person, page, type] of [
    ['d1', ana, 'p1', 'Report'],
    ['d2', ana, 'p2', 'image'],
    ['d3', ana, null, 'report'],
    ['d4', eva, 'p1', 'report'],
    ['d5', gone, 'p1', 'report'],
  ] as const)
    await hub.root.post(`/personal-documents/${id}`, { person, page, type })
  await hub.root.delete(`/people/${gone}`)
})
afterAll(() => hub.close())

const idsIn = async (client: Client, path: string) => {
  const { status, json } = await client.get(path)
  return status === 200 ? (json as { id: string }[]).map(({ id }) => id) : status
}

describe('the original’s paths to personal documents', () => {
  it('list those of a person, and those of one page of theirs', async () => {
    for (const client of [reader, hub.root]) {
      expect(await idsIn(client, '/personal_docs/espgnu777org')).toEqual(['d1', 'd2', 'd3'])
      expect(await idsIn(client, `/personal_docs/${ana}/p1`)).toEqual(['d1'])
      expect(await idsIn(client, `/personal_docs/${ana}/none`)).toEqual([])
      expect(await idsIn(client, `/personal_docs/${ana}?type=REPORT`)).toEqual(['d1', 'd3'])
      expect(await idsIn(client, `/personal_docs/${ana}?type=report&page=p1`)).toEqual(['d1'])
      expect(await idsIn(client, `/personal_docs/${ana}/p1?type=image`)).toEqual([])
    }
  })

  it('are paged like every list', async () => {
    const path = `/personal_docs/${ana}`
    const first = await reader.get(`${path}?limit=2&order=desc`)
    const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('Link') ?? '')?.[1] ?? ''
    expect(link).toMatch(/^\/personal_docs\/ESPGNU777ORG\?limit=2&order=desc&cursor=/)
    expect(await idsIn(reader, link)).toEqual(['d1'])
    expect(await idsIn(reader, `${link}&type=report`)).toBe(422)
    for (const query of ['person=x', 'since=2020-01-01', 'limit=0'])
      expect(await idsIn(reader, `${path}?${query}`)).toBe(422)
    expect(await idsIn(reader, `${path}/p1?page=p1`)).toBe(422)
  })

  it('are closed to others, whether there is somebody or not', async () => {
    for (const person of [eva, gone, 'ESPNEVER1ORG', '%20'])
      for (const path of [`/personal_docs/${person}`, `/personal_docs/${person}/p1?limit=0`])
        expect(await idsIn(reader, path)).toBe(403)
  })

  it('say who never was and who is gone', async () => {
    for (const rest of ['', '/p1']) {
      expect(await idsIn(hub.root, `/personal_docs/ESPNEVER1ORG${rest}`)).toBe(404)
      expect(await idsIn(hub.root, `/personal_docs/%20${rest}`)).toBe(404)
      expect(await idsIn(hub.root, `/personal_docs/${gone}${rest}`)).toBe(410)
      expect(await idsIn(hub.root, `/personal_docs/${gone}${rest}?x=1`)).toBe(422)
    }
    expect(await idsIn(hub.root, `/personal_docs/${ana}/%20`)).toBe(404)
    expect((await hub.root.get('/personal-documents/d5')).status).toBe(200)
  })

  it('are read by a node that reads personal documents', async () => {
    const node = await enrolledNode(hub.url, hub.root, 'archive', ['personal-documents:read'])
    expect(await idsIn(node, `/personal_docs/${eva}/p1`)).toEqual(['d4'])
    const other = await enrolledNode(hub.url, hub.root, 'ward', ['encounters:read'])
    expect(await idsIn(other, `/personal_docs/${eva}`)).toBe(403)
  })

  it('are only read', async () => {
    const refused = await hub.root.post(`/personal_docs/${ana}`, {})
    expect([refused.status, refused.headers.get('Allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })
})
