import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import bcrypt from 'bcrypt'
import { afterAll, describe, expect, it } from 'vitest'
import { basic, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import {
  type Ended,
  type Runtime,
  runCommand,
  startCommand,
  startHubProcess,
  untilReady,
} from '../support/process.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
let paths = 0
const newPath = () => {
  paths += 1
  return join(folder.path, String(paths))
}

const fileOf = (content: string | Buffer): string => {
  const file = newPath()
  writeFileSync(file, content)
  return file
}

const line = (resource: string, id: string, data: unknown = {}): string =>
  JSON.stringify({ resource, id, data })

const importFile = (
  dataDir: string,
  content: string | Buffer,
  more: readonly string[] = [],
  runtime?: Runtime,
): Promise<Ended> =>
  runCommand(['import', fileOf(content), '--data-dir', dataDir, ...more], undefined, runtime)

/** How many events of which streams the log holds. */
const eventsIn = (dataDir: string): { readonly events: number; readonly streams: number } => {
  try {
    const db = new DatabaseSync(join(dataDir, 'events.db'), { readOnly: true, timeout: 2_000 })
    const row = db.prepare('SELECT count(*) AS events, count(DISTINCT stream) AS streams FROM events').get()
    db.close()
    return { events: Number(row?.events), streams: Number(row?.streams) }
  } catch {
    return { events: 0, streams: 0 }
  }
}

const untilEvents = async (dataDir: string, least: number): Promise<void> => {
  while (eventsIn(dataDir).events < least) await pause(5)
}

/** The event that founded the log. */
const founding = 1

const registerRoot = (dataDir: string) =>
  runCommand(
    ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin', '--data-dir', dataDir],
    'freedom',
  )

const everything = [
  line('institutions', 'gral', { name: 'General', institution_type: 'hospital' }),
  line('domiciliary-units', 'u1', { dwelling: 'apartment' }),
  line('people', 'espgnu777org', {
    name: 'Ana',
    lastname: 'Betz',
    active: false,
    roles: ['end_user', 'health_professional'],
    creation_info: { user: 'ITAPYT999HON', timestamp: '2024-01-02 03:04:05', node: 'N' },
  }),
  line('pols', 'ESPGNU777ORG/p1', { page_date: '2021-05-06', relevance: null, extra: [1, { a: 'b' }] }),
  line('encounters', 'e1', { person: 'ESPGNU777ORG', institution: 'gral', start: '2024-01-02' }),
  line('events', 'l1', { person: 'espgnu777org', type: 'birth', date: '1985-10-04' }),
  line('personal-documents', 'd1', { person: 'ESPGNU777ORG', page: 'p1', type: 'scan' }),
]

describe('import', () => {
  it('adds items of every resource in the file’s order; a second run adds nothing', async () => {
    const dataDir = newPath()
    expect(await importFile(dataDir, everything.join('\n'))).toEqual({
      code: 0,
      out: '7 added, 0 already there, 0 refused.\n',
      err: '',
    })
    expect(await importFile(dataDir, everything.join('\n'))).toEqual({
      code: 0,
      out: '0 added, 7 already there, 0 refused.\n',
      err: '',
    })
    expect(eventsIn(dataDir).events).toBe(7 + founding)
    await registerRoot(dataDir)
    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    const root = clientOf(hub.url, basic('ROOT', 'freedom'))
    expect((await root.get('/people/ESPGNU777ORG')).json).toMatchObject({
      id: 'ESPGNU777ORG',
      active: false,
      roles: ['end_user', 'health_professional'],
    })
    expect((await root.get('/pols/ESPGNU777ORG/p1')).json).toEqual({
      id: 'p1',
      book: 'ESPGNU777ORG',
      page_date: '2021-05-06',
      relevance: null,
      extra: [1, { a: 'b' }],
    })
    expect((await root.get('/encounters/e1')).json).toMatchObject({ person: 'ESPGNU777ORG', status: 'open' })
    for (const path of [
      '/institutions/gral',
      '/domiciliary-units/u1',
      '/events/l1',
      '/personal-documents/d1',
    ])
      expect((await root.get(path)).status).toBe(200)

    // What was changed since is already there, what was removed is refused.
    expect((await root.patch('/pols/ESPGNU777ORG/p1', { summary: 'read' })).status).toBe(200)
    expect((await root.delete('/events/l1')).status).toBe(204)
    expect(await importFile(dataDir, everything.join('\n'))).toEqual({
      code: 1,
      out: '0 added, 6 already there, 1 refused.\n',
      err: 'line 6: events l1: This event was removed.\n',
    })
    expect((await root.get('/pols/ESPGNU777ORG/p1')).json).toMatchObject({ summary: 'read' })
    await hub.kill('SIGTERM')
  })

  it('records who did it, and when the sender says it happened', async () => {
    const dataDir = newPath()
    await importFile(dataDir, everything[2] ?? '')
    const db = new DatabaseSync(join(dataDir, 'events.db'), { readOnly: true })
    const row = db.prepare("SELECT metadata FROM events WHERE stream = 'person-ESPGNU777ORG'").get()
    db.close()
    expect(JSON.parse(String(row?.metadata))).toMatchObject({
      actor: { kind: 'operator' },
      subject: 'ESPGNU777ORG',
      occurredAt: '2024-01-02T03:04:05Z',
    })
  })

  it('takes a bcrypt hash and a clear text as passwords, and tells nobody', async () => {
    const dataDir = newPath()
    await registerRoot(dataDir)
    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    const hash = (await bcrypt.hash('gnusolidario', 4)).replace('$2b$', '$2y$')
    const lines = [
      line('people', 'HASHED', { password: hash, lastname: 'Cordara' }),
      line('people', 'CLEAR', { password: 'gnusolidario' }),
      line('people', 'NONE', { password: null }),
    ]
    const ended = await importFile(dataDir, lines.join('\n'))
    expect(ended).toMatchObject({ code: 0, out: '3 added, 0 already there, 0 refused.\n' })
    // A hub that runs has it when the command returns.
    const login = async (account: string, password: string) =>
      (await clientOf(hub.url, basic(account, password)).get('/login')).status
    expect(await login('HASHED', 'gnusolidario')).toBe(200)
    expect(await login('CLEAR', 'gnusolidario')).toBe(200)
    expect(await login('HASHED', hash)).toBe(401)
    expect(await login('NONE', '')).toBe(401)
    const root = clientOf(hub.url, basic('ROOT', 'freedom'))
    expect((await root.get('/people/HASHED')).json).toEqual({
      id: 'HASHED',
      lastname: 'Cordara',
      active: true,
      roles: ['end_user'],
    })
    const again = [...lines.slice(0, 2), line('people', 'CLEAR', { password: 'another one' })]
    expect(await importFile(dataDir, again.join('\n'))).toMatchObject({
      code: 1,
      out: '0 added, 2 already there, 1 refused.\n',
    })
    expect(readFileSync(join(dataDir, 'events.db')).includes('gnusolidario')).toBe(false)
    await hub.kill('SIGTERM')
  })

  it('lists what it refuses, with number and reason, and puts in the rest', async () => {
    const page = (data: unknown, id = 'ESPGNU777ORG/new') => line('pols', id, data)
    const nested = (levels: number) => `${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}`
    const raw = (data: string) => `{"resource":"pols","id":"ESPGNU777ORG/new","data":${data}}`
    const tooLong = page({ info: 'x'.repeat(1024 * 1024) })
    const cases: readonly (readonly [string | Buffer, string | undefined])[] = [
      [`\uFEFF${line('people', 'ESPGNU777ORG', { name: 'Confidential' })}\r`, undefined],
      ['  \t', undefined],
      [page({}, 'NOBODY/p'), 'pols NOBODY/p: There is no such person.'],
      [
        line('people', 'ESPGNU777ORG', { name: 'Secretive' }),
        'people ESPGNU777ORG: This person exists with other content. Read it, and change it with PATCH or PUT.',
      ],
      [
        line('people', 'A', { dob: 'Confidential' }),
        'people A: /dob must be an existing date, YYYY-MM-DD, or date and time, YYYY-MM-DDTHH:MM:SS',
      ],
      [
        line('people', 'A', { roles: ['king'] }),
        'people A: /roles/0 must be a role of this hub: end_user, health_professional, auditor, root',
      ],
      [line('people', 'A', { password: 'short' }), 'people A: /password must have at least 6 characters'],
      [
        line('people', 'A', { password: `$2b$13$${'a'.repeat(53)}` }),
        'people A: /password must be a whole bcrypt hash ($2a$, $2b$, $2y$) of cost 4 to 12',
      ],
      [line('people', 'A', { id: 'B' }), 'people A: /id must be A, as in the path, or be left out'],
      [
        page({ book: 'OTHER' }),
        'pols ESPGNU777ORG/new: /book must be ESPGNU777ORG, as in the path, or be left out',
      ],
      [
        line('encounters', 'e', { person: 'NOBODY', start: '2024-01-01', institution: 'none' }),
        'encounters e: /person names no person that this hub knows; /institution names no institution that this hub knows',
      ],
      [line('encounters', 'e', {}), 'encounters e: /person must be given; /start must be given'],
      [
        line('encounters', 'e', { person: 'ESPGNU777ORG', start: '2024-01-02', end: '2024-01-01' }),
        'encounters e: /end must not be before start',
      ],
      [
        raw('{"a":{"b":1e400}}'),
        'pols ESPGNU777ORG/new: /a/b is a number that would not keep its value; send it as a text',
      ],
      [raw(`{"a":${nested(65)}}`), 'pols ESPGNU777ORG/new: data must nest at most 64 levels deep'],
      [raw(`{"a":${nested(400_000)}}`), 'pols ESPGNU777ORG/new: data must nest at most 64 levels deep'],
      [raw('[]'), 'pols ESPGNU777ORG/new: data must be a JSON object'],
      [page({ info: 'x'.repeat(950_000) }), 'pols ESPGNU777ORG/new: An item has at most 900 KiB.'],
      [tooLong, 'A line has at most 1 MiB.'],
      ['{"resource":"people","id":"A"}', 'people A: data must be a JSON object'],
      [
        '{"resource":"people","id":"A","data":{},"dta":1}',
        'people A: /dta is unknown: a line has resource, id and data',
      ],
      ['{"resource":"people","data":{"name":"Confidential"}}', 'people: /id must be given'],
      [
        line('people', 'Confidential name'),
        'people: /id must be a federation account: 1 to 64 of A–Z 0–9 . _ -',
      ],
      [
        line('pols', 'p1'),
        'pols: /id must be PERSON/ID, of a federation account: 1 to 64 of A–Z 0–9 . _ -, and 1 to 128 of A–Z a–z 0–9 . _ ~ : -',
      ],
      [
        line('pages', 'Confidential'),
        '/resource must be one of people, pols, domiciliary-units, institutions, encounters, events, personal-documents',
      ],
      ['null', 'The line must be a JSON object with resource, id and data.'],
      [
        '{"resource":"people","id":"Confidential"',
        'The line is not JSON. Check its quotes, commas and brackets.',
      ],
      [Buffer.from([0x7b, 0xff, 0x7d]), 'The line is not UTF-8.'],
      [raw(`{"a":${nested(64)}}`), undefined],
      [`${page({ info: 'y' }, 'ESPGNU777ORG/last').padEnd(1024 * 1024)}`, undefined],
    ]
    const content = Buffer.concat(cases.flatMap(([text]) => [Buffer.from(text), Buffer.from('\n')])).subarray(
      0,
      -1,
    )
    const refused = cases.flatMap(([, reason], i) => (reason === undefined ? [] : [{ line: i + 1, reason }]))
    const dataDir = newPath()
    const ended = await importFile(dataDir, content)
    expect(ended.err.split('\n')).toEqual([
      ...refused.map(({ line, reason }) => `line ${line}: ${reason}`),
      '',
    ])
    expect(ended).toMatchObject({ code: 1, out: `3 added, 0 already there, ${refused.length} refused.\n` })
    expect(eventsIn(dataDir).events).toBe(3 + founding)
    expect(`${ended.out}${ended.err}`).not.toMatch(/Confidential|Secretive/)

    const json = await importFile(dataDir, content, ['--json'])
    expect(JSON.parse(json.out)).toEqual({ added: 0, present: 3, refused: refused.length })
    const listed = json.err
      .trimEnd()
      .split('\n')
      .map(text => JSON.parse(text))
    expect(listed.map(({ line }) => line)).toEqual(refused.map(({ line }) => line))
    expect(listed[0]).toEqual({
      line: 3,
      resource: 'pols',
      id: 'NOBODY/p',
      reason: 'There is no such person.',
    })
  })

  it('keeps a reason on one line, whatever the file says', async () => {
    const data = `{"a\\nline 99: people ROOT\\u001b[2J": 1e400, "${'k'.repeat(10_000)}": 1e400}`
    const ended = await importFile(newPath(), `{"resource":"people","id":"A","data":${data}}`)
    expect(ended.err).toMatch(/^line 1: people A: [^\p{Cc}]+\n$/u)
    expect(ended.err.length).toBeLessThan(3_000)
  })

  it('goes through the file in its order: a page before its person is refused, and goes in the next time', async () => {
    const dataDir = newPath()
    const lines = [line('pols', 'A/p'), line('people', 'A'), line('pols', 'A/q')]
    expect(await importFile(dataDir, lines.join('\n'))).toMatchObject({
      code: 1,
      out: '2 added, 0 already there, 1 refused.\n',
    })
    expect(await importFile(dataDir, lines.join('\n'))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^1 added, 2/),
    })
  })

  it('adds what is twice in a file once', async () => {
    const twice = [line('people', 'A', { name: 'Ana' }), line('people', 'a', { name: 'Ana' })]
    expect(await importFile(newPath(), twice.join('\n'))).toMatchObject({
      out: expect.stringMatching(/^1 added, 1 already there, 0/),
    })
  })

  it.each([join(folder.path, 'nowhere'), folder.path])('of %s is a wrong form', async path => {
    const dataDir = newPath()
    expect(await runCommand(['import', path, '--data-dir', dataDir])).toMatchObject({
      code: 2,
      err: `${path} cannot be read.\n`,
    })
    expect(() => readFileSync(join(dataDir, 'events.db'))).toThrow()
  })

  it('of an empty file adds nothing', async () => {
    expect(await importFile(newPath(), '')).toMatchObject({ code: 0, out: expect.stringMatching(/^0 added/) })
  })

  it('runs under Deno too', async () => {
    const ended = await importFile(newPath(), everything.join('\n'), [], 'deno')
    expect(ended).toMatchObject({ code: 0, out: '7 added, 0 already there, 0 refused.\n' })
  })

  it('takes the example of the README', async () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    const [, path = ''] = /^npm run -s thalamus -- import (\S+)$/m.exec(readme) ?? []
    const example = fileURLToPath(new URL(`../../${path}`, import.meta.url))
    const ended = await runCommand(['import', example, '--data-dir', newPath()])
    expect(ended).toEqual({ code: 0, out: '4 added, 0 already there, 0 refused.\n', err: '' })
    expect(readme).toContain(ended.out.trim())
  })
})

const many = (people: number, pagesEach: number): readonly string[] =>
  Array.from({ length: people }, (_, n) => [
    line('people', `P${n}`, { name: `Ana ${n}` }),
    ...Array.from({ length: pagesEach }, (_, i) => line('pols', `P${n}/p${i}`, { summary: `${i}` })),
  ]).flat()

describe('an import that ends before its file does', () => {
  it('killed, loses and doubles nothing when it is run again', async () => {
    const dataDir = newPath()
    const lines = many(1_000, 5)
    const file = fileOf(lines.join('\n'))
    const first = startCommand(['import', file, '--data-dir', dataDir])
    await untilEvents(dataDir, 500)
    first.kill('SIGKILL')
    expect((await first.ended).out).toBe('')
    const { events } = eventsIn(dataDir)
    expect(events).toBeLessThan(lines.length)
    const present = events - founding
    expect(await runCommand(['import', file, '--data-dir', dataDir])).toMatchObject({
      code: 0,
      out: `${lines.length - present} added, ${present} already there, 0 refused.\n`,
    })
    const whole = lines.length + founding
    expect(eventsIn(dataDir)).toEqual({ events: whole, streams: whole })
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('by %s, says where it was', async signal => {
    const dataDir = newPath()
    const running = startCommand(['import', '-', '--data-dir', dataDir])
    running.write(`${many(2, 1).join('\n')}\n`)
    await untilEvents(dataDir, 4 + founding)
    running.kill(signal)
    expect(await running.ended).toEqual({
      code: 1,
      out: '4 added, 0 already there, 0 refused.\n',
      err: 'Interrupted after line 4. Run it again: what is in is not added twice.\n',
    })
  })

  it('because the log cannot be written, says at which line, and goes on when it is run again', async () => {
    const dataDir = newPath()
    const running = startCommand(['import', '-', '--data-dir', dataDir])
    const lines = many(20, 1)
    running.write(`${lines.slice(0, 2).join('\n')}\n`)
    await untilEvents(dataDir, 2 + founding)
    const db = new DatabaseSync(join(dataDir, 'events.db'), { timeout: 2_000 })
    db.exec('BEGIN IMMEDIATE')
    running.write(lines.slice(2).join('\n'))
    running.endInput()
    const ended = await running.ended
    db.exec('ROLLBACK')
    db.close()
    expect(ended).toEqual({
      code: 1,
      out: '2 added, 0 already there, 0 refused.\n',
      err: 'Stopped at line 3: The event log cannot be used now. Try again. What is in is not added twice.\n',
    })
    expect(await importFile(dataDir, lines.join('\n'))).toMatchObject({
      code: 0,
      out: '38 added, 2 already there, 0 refused.\n',
    })
  })
})

describe('an import beside a hub', () => {
  it('returns when the hub has it, and the hub goes on serving', async () => {
    const dataDir = newPath()
    await registerRoot(dataDir)
    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    const root = clientOf(hub.url, basic('ROOT', 'freedom'))
    const lines = many(300, 5)
    const importing = importFile(dataDir, lines.join('\n'))
    let written = 0
    const writing = async () => {
      for (; written < 100; written += 1)
        expect((await root.post(`/pols/ROOT/${written}`, {})).status).toBe(201)
    }
    const [ended] = await Promise.all([importing, writing()])
    expect(ended).toEqual({ code: 0, out: `${lines.length} added, 0 already there, 0 refused.\n`, err: '' })
    expect((await root.get('/people?limit=1000')).json).toHaveLength(301)
    expect((await root.get('/pols/P299')).json).toHaveLength(5)
    expect((await root.get('/pols/ROOT')).json).toHaveLength(100)
    await hub.kill('SIGTERM')
  })
})
