import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCertificate } from '../../auth/erasure-certificate.ts'
import { formatPosition } from '../../domain/position.ts'
import { encodeOne } from '../../stores/codec.ts'
import { sqliteLog } from '../../stores/sqlite/event-log.ts'
import type { Client } from '../support/client.ts'
import { right } from '../support/either.ts'
import { pageWritten, personRegistered } from '../support/events.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

/** Words that nothing but this person's record holds. */
const wordsOf = (account: string) =>
  ['Quetzalcoatl', 'Xiuhtecuhtli', 'Tlahuizcalpan'].map(word => `${word}${account}`)

/** A person with a page, an encounter, a life event, and a document with a content. */
const recorded = async (account: string, client: Client = hub.root) => {
  const [name = '', summary = '', content = ''] = wordsOf(account)
  await client.post(`/people/${account}`, { name, lastname: 'Old' })
  await client.patch(`/people/${account}`, { lastname: summary })
  await client.post(`/pols/${account}/p1`, { summary, page_date: '2026-01-02' })
  await client.patch(`/pols/${account}/p1`, { summary: `${summary} changed` })
  await client.post(`/encounters/${account}-e`, {
    person: account,
    start: '2026-01-02T10:00:00Z',
    reason: summary,
  })
  await client.post(`/events/${account}-v`, {
    person: account,
    type: 'birth',
    date: '2026-01-02',
    info: name,
  })
  await client.post(`/personal-documents/${account}-d`, { person: account, description: name })
  await client.send('PUT', `/personal-documents/${account}-d/content`, {
    body: Buffer.from(content.repeat(10_000)),
  })
  await client.put(`/people/${account}/active`, { active: false })
}

const pathsOf = (account: string) => [
  `/people/${account}`,
  `/pols/${account}/p1`,
  `/encounters/${account}-e`,
  `/events/${account}-v`,
  `/personal-documents/${account}-d`,
]

const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))

/** Files of DATA_DIR that hold one of the words, the write-ahead logs included. */
const filesWith = (words: readonly string[]): readonly string[] =>
  filesIn(hub.core.config.dataDir).filter(file => {
    const bytes = readFileSync(file)
    return words.some(word => bytes.includes(word) || bytes.includes(word.toLowerCase()))
  })

const erased = { type: 'urn:thalamus:problem:erased', status: 410 }
const reason = 'Request 12/2026'

describe('a person who is forgotten', () => {
  const account = 'ESPGNU777ORG'
  let asOf: string
  let before: string
  beforeAll(async () => {
    await recorded(account)
    await recorded('ESPGNU888ORG')
    asOf = new Date().toISOString()
    before = (await hub.root.get(`/people/${account}`)).headers.get('ETag') ?? ''
    const answer = await hub.root.post(`/people/${account}/erasure`, { reason })
    const shownAll = answer.json as Record<string, unknown>
    expect([answer.status, shownAll]).toMatchObject([200, { account, reason, inClear: 0, contents: 1 }])
    const { claims } = await right(readCertificate(String(shownAll.certificate)))
    const { certificate: _, ...shown } = shownAll
    expect(claims).toEqual(shown)
    expect(claims.events).toBe(claims.positions.length)
    expect(claims.events).toBe(9)
    const again = await hub.root.post(`/people/${account}/erasure`, { reason: 'another' })
    expect([again.status, again.json]).toEqual([200, answer.json])
  })

  it('leaves no word of theirs in any file, and others theirs', () => {
    expect(filesWith(wordsOf(account))).toEqual([])
    expect(filesWith(wordsOf('ESPGNU888ORG')).length).toBeGreaterThan(0)
  })

  it.each(pathsOf(account))('%s is 410, now and at every time', async path => {
    expect((await hub.root.get(path)).json).toMatchObject(erased)
    expect((await hub.root.get(`${path}?asOf=${asOf}`)).json).toMatchObject(erased)
    expect((await hub.root.get(`${path}/history/0`)).json).toMatchObject(erased)
    expect((await hub.root.get(`${path}/diff?from=0&to=0`)).json).toMatchObject(erased)
  })

  it('is met by no write, and the ids are not used again', async () => {
    for (const path of pathsOf(account)) {
      expect((await hub.root.patch(path, { name: 'x', reason: 'x', summary: 'x' })).json).toMatchObject(
        erased,
      )
      expect(
        (
          await hub.root.put(path, {
            person: account,
            start: '2026-01-02',
            type: 'birth',
            date: '2026-01-02',
          })
        ).json,
      ).toMatchObject(erased)
      expect((await hub.root.delete(path)).json).toMatchObject(erased)
    }
    expect((await hub.root.post(`/people/${account}`, {})).json).toMatchObject(erased)
    expect((await hub.root.post(`/pols/${account}/p2`, {})).json).toMatchObject(erased)
    expect((await hub.root.post('/encounters/new', { person: account, start: '2026-01-02' })).status).toBe(
      422,
    )
    expect((await hub.root.put(`/people/${account}/active`, { active: true })).json).toMatchObject(erased)
    expect((await hub.root.get(`/personal-documents/${account}-d/content`)).json).toMatchObject(erased)
    expect(before).toBe('"2"')
  })

  it('is found by no list and no filter, at no time', async () => {
    const [name] = wordsOf(account)
    for (const query of ['', `asOf=${asOf}`]) {
      for (const path of [
        `/people?name=${name}`,
        `/encounters?person=${account}`,
        `/events?person=${account}`,
      ])
        expect((await hub.root.get(`${path}&${query}`)).json).toEqual([])
      const all = (await hub.root.get(`/people?${query}`)).json as unknown as readonly { id: string }[]
      expect(all.map(({ id }) => id)).not.toContain(account)
      expect((await hub.root.get(`/pols/${account}?${query}`)).json).toMatchObject(erased)
    }
    expect((await hub.root.get(`/personal_docs/${account}`)).json).toMatchObject(erased)
  })

  it('is in the history and the audit, who and when, without what', async () => {
    for (const path of pathsOf(account)) {
      const entries = (await hub.root.get(`${path}/history`)).json as unknown as readonly Record<
        string,
        unknown
      >[]
      expect(entries.length).toBeGreaterThan(0)
      for (const entry of entries) {
        expect(entry).toMatchObject({ erased: true, actor: { kind: expect.any(String) } })
        expect(entry).not.toHaveProperty('changes')
      }
    }
    const audit = (await hub.root.get(`/audit?person=${account}`)).json as unknown as readonly Record<
      string,
      unknown
    >[]
    expect(audit).toHaveLength(11)
    for (const entry of audit) expect(entry).toMatchObject({ erased: true, person: account })
  })

  it('is in the feed without data', async () => {
    const { events } = (await hub.root.get('/feed?limit=1000')).json as unknown as {
      events: readonly Record<string, unknown>[]
    }
    const theirs = events.filter(({ person }) => person === account)
    expect(theirs).toHaveLength(11)
    for (const event of theirs.slice(0, 9)) {
      expect(event).toMatchObject({ erased: true })
      expect(event).not.toHaveProperty('data')
    }
    expect(theirs[9]).toMatchObject({ type: 'PersonErased', data: { id: account, reason } })
  })
})

describe('the erasure of a person', () => {
  const refused = async (account: string) => {
    const { status, json } = await hub.root.post(`/people/${account}/erasure`, { reason })
    return [status, (json as { type: string }).type]
  }
  const wrongState = [409, 'urn:thalamus:problem:wrong-state']

  it('is 409 while they are active, root, or under a hold', async () => {
    await hub.root.post('/people/HELD', {})
    expect(await refused('HELD')).toEqual(wrongState)
    await hub.root.put('/people/HELD/active', { active: false })
    expect((await hub.root.put('/people/HELD/hold', { reason: 'court' })).status).toBe(204)
    expect((await hub.root.put('/people/HELD/hold', { reason: 'court' })).status).toBe(204)
    expect(await refused('HELD')).toEqual(wrongState)
    await hub.root.delete('/people/HELD')
    expect(await refused('HELD')).toEqual(wrongState)
    expect((await hub.root.post('/pols/HELD/x', {})).json).toMatchObject({
      type: 'urn:thalamus:problem:removed',
    })
    expect((await hub.root.delete('/people/HELD/hold')).status).toBe(204)
    expect((await hub.root.delete('/people/HELD/hold')).status).toBe(204)
    await hub.root.put('/people/HELD/roles', { roles: ['root'] })
    expect((await refused('HELD'))[0]).toBe(200)
    expect((await hub.root.get('/people/HELD')).json).toMatchObject(erased)
    expect((await hub.root.put('/people/HELD/hold', { reason })).json).toMatchObject(erased)
  })

  it('is 404 for whom the hub never knew, 422 without a reason', async () => {
    expect((await refused('NEVERWAS'))[0]).toBe(404)
    expect((await hub.root.post('/people/NEVERWAS/erasure', {})).status).toBe(422)
    expect((await hub.root.post('/people/NEVERWAS/erasure', { reason: '' })).status).toBe(422)
  })

  it('is for root, and for nodes with the scope people:erase', async () => {
    await hub.root.post('/people/MAY', { active: false })
    const professional = await hub.person('PROFESSIONAL', ['health_professional'])
    expect((await professional.post('/people/MAY/erasure', { reason })).status).toBe(403)
    expect((await hub.nobody.post('/people/MAY/erasure', { reason })).status).toBe(401)
    const others = await enrolledNode(hub.url, hub.root, 'others', ['people:write', 'people:delete'])
    expect((await others.post('/people/MAY/erasure', { reason })).status).toBe(403)
    const may = await enrolledNode(hub.url, hub.root, 'may', ['people:erase'])
    expect((await may.post('/people/MAY/erasure', { reason })).status).toBe(200)
  })

  it('cuts off whoever was logged in as the person', async () => {
    const self = await hub.person('SELF', ['end_user'])
    expect((await self.get('/people/SELF')).status).toBe(200)
    await hub.root.put('/people/SELF/active', { active: false })
    await hub.root.post('/people/SELF/erasure', { reason })
    expect((await self.get('/people/SELF')).status).toBe(401)
  })
})

describe('a person of whom events were recorded before the hub encrypted', () => {
  const account = 'ESPOLD0000ORG'
  const [name = '', summary = ''] = wordsOf(account)
  let early: number
  beforeAll(async () => {
    const stored = sqliteLog(join(hub.core.config.dataDir, 'events.db'))
    const page = pageWritten(account, 'p1', { summary })
    await right(
      stored.append(`person-${account}`, 'no-stream', [encodeOne(personRegistered(account, { name }))]),
    )
    await right(stored.append(`page-${account}:p1`, 'no-stream', [encodeOne(page)]))
    const head = await right(stored.head())
    await stored.close()
    const position = formatPosition(hub.core.ports.identity, head)
    // Read as ever, once the read side has it.
    const read = await hub.root.get(`/pols/${account}/p1`, { 'Thalamus-Min-Position': position })
    expect(read.json).toMatchObject({ summary })
    await hub.root.patch(`/pols/${account}/p1`, { info: 'encrypted' })
    await hub.root.put(`/people/${account}/active`, { active: false })
    early = 2
  })

  it('is refused with how many they are, and forgotten by whoever knows that', async () => {
    const path = `/people/${account}/erasure`
    const refused = await hub.root.post(path, { reason })
    expect([refused.status, refused.json]).toMatchObject([
      409,
      { detail: expect.stringContaining(`${early} events about the person`) },
    ])
    expect((await hub.root.get(`/people/${account}`)).json).toMatchObject({ name })
    const forgotten = await hub.root.post(path, { reason, knowing: true })
    expect([forgotten.status, forgotten.json]).toMatchObject([200, { inClear: early, events: 2 }])
    for (const gone of [`/people/${account}`, `/pols/${account}/p1`, `/pols/${account}/p1?asOf=2100-01-01`])
      expect((await hub.root.get(gone)).json).toMatchObject(erased)
    const feed = (await hub.root.get('/feed?limit=1000')).text
    expect(feed).not.toContain(name)
    expect(feed).not.toContain(summary)
    // They stay where they were, and nowhere else.
    expect(filesWith([name, summary]).map(file => basename(file))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^events\.db/)]),
    )
    expect(filesWith([name, summary]).every(file => basename(file).startsWith('events.db'))).toBe(true)
  })
})

describe('a repeat of an erasure with its Idempotency-Key', () => {
  it('is answered with the same certificate', async () => {
    await hub.root.post('/people/KEYED', { active: false })
    const key = { 'Idempotency-Key': 'forget' }
    const first = await hub.root.post('/people/KEYED/erasure', { reason }, key)
    const repeat = await hub.root.post('/people/KEYED/erasure', { reason }, key)
    expect([first.status, repeat.status, repeat.text]).toEqual([200, 200, first.text])
    expect((await hub.root.post('/people/KEYED/erasure', { reason: 'other' }, key)).status).toBe(422)
  })
})
