import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { loadFold } from '../../../cli/replay/fold.ts'
import { replayHub } from '../../../cli/replay/replaying.ts'
import type { ReplayOptions } from '../../../cli/replay/request.ts'
import type { FeedEntry } from '../../../projections/feed-entry.ts'
import { right } from '../../support/either.ts'
import { type FeedServer, startFeedServer, type Whim } from '../../support/feed-server.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { type ReplayEnd, requestOf, withOutput } from '../../support/replay.ts'

const log = 'f00d'
const entries = Array.from(
  { length: 9 },
  (_, n): FeedEntry => ({
    position: `${log}-0-${2 * n + 2}`,
    stream: `page-ANA:${n}`,
    revision: 0,
    type: n % 3 === 0 ? 'PageAmended' : 'PageWritten',
    resource: 'pols',
    id: `ANA/${n}`,
    person: 'ANA',
    data: { summary: 'Añá' },
    actor: { kind: 'node', id: 'lab', node: 'lab' },
    recordedAt: `2026-01-0${n + 1}T00:00:00.000Z`,
  }),
)
const linesOf = (some: readonly FeedEntry[]): string =>
  some.map(entry => `${JSON.stringify(entry)}\n`).join('')

const folder = temporaryFolder()
afterAll(() => folder.remove())
let server: FeedServer
afterEach(() => server.close())

const pauses: number[] = []
/** `replay --url` of a stand-in that answers by these whims. */
const replay = async (
  options: ReplayOptions = {},
  whims: readonly Whim[] = [],
  environment: Readonly<Record<string, string>> = { THALAMUS_TOKEN: 'token' },
): Promise<ReplayEnd> => {
  server = await startFeedServer(log, entries, whims)
  pauses.length = 0
  const request = requestOf({ ...options, url: server.url }, environment)
  const fold = options.reduce === undefined ? undefined : await right(loadFold(options.reduce))
  const { hub } = request
  if (hub === undefined) throw new Error('no hub')
  return withOutput([], surroundings =>
    replayHub(hub, request, fold, surroundings, async milliseconds => {
      pauses.push(milliseconds)
    }),
  )
}

describe('replay of a hub', () => {
  it('gives what the feed tells, as it tells it', async () => {
    expect(await replay()).toEqual({ code: 0, out: linesOf(entries), err: '' })
  })

  it('lets the hub choose by position and type, and chooses the rest itself', async () => {
    const options = { after: `${log}-0-4`, to: `${log}-0-14`, types: 'PageWritten', since: '2026-01-05' }
    const { code, out } = await replay(options)
    expect(code).toBe(0)
    expect(out).toBe(linesOf(entries.slice(4, 6)))
    expect(server.requests).toContain(`lines ?after=${log}-0-4&types=PageWritten Bearer token`)
  })

  it('makes CSV of it, or runs a fold over it', async () => {
    expect((await replay({ format: 'csv', to: `${log}-0-2` })).out.split('\r\n')[1]).toBe(
      `${log}-0-2,page-ANA:0,0,PageAmended,pols,ANA/0,ANA,node,lab,lab,2026-01-01T00:00:00.000Z,,"{""summary"":""Añá""}",`,
    )
    await server.close()
    const reduce = join(folder.path, 'fold.mts')
    writeFileSync(reduce, 'export const initial = 0; export const apply = state => state + 1')
    expect((await replay({ reduce })).out).toBe('9\n')
  })

  it.each([1, 300, 700, 1000])(
    'goes on from its last whole line when the connection breaks after %i bytes',
    async afterBytes => {
      const whims: Whim[] = [
        { is: 'break', afterBytes },
        { is: 'break', afterBytes: 400 },
      ]
      const { code, out, err } = await replay({}, whims)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out).toBe(linesOf(entries))
      expect(pauses.length).toBe(2)
    },
  )

  it('goes on where the answer ended as if all were told', async () => {
    const { out } = await replay({}, [
      { is: 'end', afterEvents: 4 },
      { is: 'end', afterEvents: 0 },
    ])
    expect(out).toBe(linesOf(entries))
  })

  it('waits as long as a busy hub asks for', async () => {
    const { out } = await replay({}, [{ is: 'status', status: 503, retryAfter: '7' }])
    expect(out).toBe(linesOf(entries))
    expect(pauses).toEqual([7_000])
  })

  it('gives up after six attempts without an event, and says how to go on', async () => {
    const { code, out, err } = await replay({}, [
      { is: 'end', afterEvents: 1 },
      ...Array.from({ length: 7 }, (): Whim => ({ is: 'break', afterBytes: 0 })),
    ])
    expect(code).toBe(1)
    expect(out).toBe(linesOf(entries.slice(0, 1)))
    expect(err).toContain('cannot be read on, after 6 attempts: the connection broke.')
    expect(err).toContain(`--after ${log}-0-2`)
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000])
  })

  it('goes on with a file', async () => {
    const out = join(folder.path, 'history')
    expect((await replay({ out, to: `${log}-0-8` })).code).toBe(0)
    await server.close()
    expect((await replay({ out })).out).toBe(`5 events more in ${out}.\n`)
    expect(readFileSync(out, 'utf8')).toBe(linesOf(entries))
    await server.close()
    expect(await replay({ out, to: `${log}-0-8` })).toMatchObject({ code: 2 })
  })

  it('gets a token with client credentials, and another one when that is refused', async () => {
    const environment = { THALAMUS_CLIENT_SECRET: 's:cret' }
    const whims: Whim[] = [{ is: 'status', status: 401 }]
    const { code, out } = await replay({ clientId: 'lab' }, whims, environment)
    expect({ code, out }).toEqual({ code: 0, out: linesOf(entries) })
    expect(server.requests).toContain('lines  Bearer token-1')
    expect(server.requests).toContain('lines  Bearer token-2')
    await server.close()
    const refused = await replay({ clientId: 'lab' }, [], { THALAMUS_CLIENT_SECRET: 'wrong' })
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toContain('gives no token for this client id and secret')
  })

  it('takes the token from a file', async () => {
    const tokenFile = join(folder.path, 'token')
    writeFileSync(tokenFile, 'token-of-a-file\n')
    expect(await replay({ tokenFile }, [], {})).toMatchObject({ code: 0, err: '' })
  })

  it.each<[Whim, number, string]>([
    [
      { is: 'status', status: 401, body: { detail: 'It has expired.' } },
      1,
      'does not take the token (any more). It has expired.',
    ],
    [{ is: 'status', status: 403 }, 1, 'does not let this client read the feed'],
    [{ is: 'status', status: 404 }, 1, 'has no feed: it answered 404'],
    [
      { is: 'status', status: 422, body: { errors: [{ parameter: 'types', detail: 'no such type' }] } },
      2,
      '--types: no such type',
    ],
  ])('that answers %j ends with %i', async (whim, code, problem) => {
    const ended = await replay({}, [whim])
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toContain(problem)
  })

  it('refuses positions that are not the hub’s, all at once', async () => {
    const { code, err } = await replay({ after: 'x', to: 'y' })
    expect(code).toBe(2)
    expect(err).toContain('--after: "x" is no position of the log of http')
    expect(err).toContain('--to: "y" is no position of the log of http')
    await server.close()
    const turned = await replay({ after: `${log}-0-8`, to: `${log}-0-4` })
    expect(turned).toMatchObject({ code: 2, err: '--to: must not be before --after\n' })
  })

  it('that does not answer is said so at once', async () => {
    server = await startFeedServer(log, entries)
    await server.close()
    const request = requestOf({ url: server.url }, { THALAMUS_TOKEN: 'token' })
    const { hub } = request
    if (hub === undefined) throw new Error('no hub')
    const { code, err } = await withOutput([], all => replayHub(hub, request, undefined, all))
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot be asked: ECONNREFUSED.'),
    })
    server = await startFeedServer(log, entries)
  })
})
