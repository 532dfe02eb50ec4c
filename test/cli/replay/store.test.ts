import { beforeEach, describe, expect, it } from 'vitest'
import { eventOf, pageWritten, personChanged, personRegistered } from '../../support/events.ts'
import { eventsOf } from '../../support/feed.ts'
import { entriesIn, openTestLog } from '../../support/replay.ts'

let test: Awaited<ReturnType<typeof openTestLog>>
beforeEach(async () => {
  test = await openTestLog()
  await test.append('person-ANA', personRegistered('ANA', { name: '=1+1' }))
  await test.append('page-ANA:p1', pageWritten('ANA', 'p1', { summary: 'a "visit",\nlong' }))
  await test.append('person-ANA', personChanged({ name: 'Ana' }), 1)
  const enrolled = { client_id: 'lab', name: 'Lab', scopes: [] }
  await test.append('node-lab', eventOf('NodeEnrolled', enrolled, { recordedAt: '2026-02-01T00:00:00.000Z' }))
})

const position = (number: number): string => `${test.core.ports.identity.id}-0-${number}`
const numbersIn = (text: string): number[] =>
  entriesIn(text).map(entry => Number(String(entry.position).split('-')[2]))

describe('replay of the store', () => {
  it('gives every event about a thing in commit order, as the feed shows it, and not the hub’s own', async () => {
    const { code, out, err } = await test.replay()
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(numbersIn(out)).toEqual([2, 3, 4, 5])
    const [, page, changed] = entriesIn(out)
    expect(page).toEqual({
      position: position(3),
      stream: 'page-ANA:p1',
      revision: 0,
      type: 'PageWritten',
      resource: 'pols',
      id: 'ANA/p1',
      person: 'ANA',
      data: { id: 'p1', book: 'ANA', summary: 'a "visit",\nlong' },
      actor: { kind: 'person', id: 'ITAPYT999HON' },
      recordedAt: '2026-01-02T03:04:05.000Z',
    })
    expect(Object.keys(changed ?? {})).not.toContain('person')
  })

  it.each([
    [{ types: 'PersonChanged,NodeEnrolled' }, [4, 5]],
    [{ stream: 'person-ANA' }, [2, 4]],
    [{ stream: 'person-ANA', types: 'PersonRegistered' }, [2]],
    [{ stream: 'person-NOBODY' }, []],
    [{ since: '2026-01-02T03:04:05.0001Z' }, [5]],
    [{ since: '2026-01-02T04:04:05+01:00', until: '2026-02-01' }, [2, 3, 4]],
  ])('with %j gives what was asked for', async (options, numbers) => {
    expect(numbersIn((await test.replay(options)).out)).toEqual(numbers)
  })

  it('begins behind one position and ends with another', async () => {
    const { out } = await test.replay({ after: position(2), to: position(4) })
    expect(numbersIn(out)).toEqual([3, 4])
    expect((await test.replay({ after: position(3), to: position(3) })).out).toBe('')
  })

  it.each([
    [{ after: 'x' }, '--after: "x" is no position of this log'],
    [{ to: '00000000000000000000000000000000-0-2' }, 'is no position of this log'],
  ])('refuses %j', async (options, problem) => {
    const { code, out, err } = await test.replay(options)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(problem)
  })

  it('refuses positions past the end or in the wrong order, all problems at once', async () => {
    const past = await test.replay({ after: position(99), to: position(98) })
    expect(past.code).toBe(2)
    expect(past.err).toBe(
      `--after: "${position(99)}" is past the end of the log\n--to: "${position(98)}" is past the end of the log\n`,
    )
    const turned = await test.replay({ after: position(4), to: position(3) })
    expect(turned).toMatchObject({ code: 2, err: '--to: must not be before --after\n' })
  })

  it('is recorded with who asked and for what, and does not show its own record', async () => {
    await test.replay({ types: 'PersonChanged', format: 'csv' })
    const last = (await eventsOf(test.core.ports.feed)).at(-1)
    expect(last?.event).toEqual({ type: 'HistoryReplayed', data: { types: 'PersonChanged', format: 'csv' } })
    expect(last?.metadata.actor.kind).toBe('operator')
    expect(numbersIn((await test.replay()).out)).toEqual([2, 3, 4, 5, 6])
  })

  it('records nothing that it refuses', async () => {
    await test.replay({ after: 'x' })
    expect((await eventsOf(test.core.ports.feed)).map(({ event }) => event.type)).not.toContain(
      'HistoryReplayed',
    )
  })

  it('of a sealed log says that it is not recorded, and goes on', async () => {
    const sealed = await openTestLog('2026-02-03T00:00:00.000Z')
    await sealed.append('person-ANA', personRegistered('ANA'))
    const { code, out, err } = await sealed.replay()
    expect(code).toBe(0)
    expect(numbersIn(out)).toEqual([2])
    expect(err).toContain('is sealed since 2026-02-03T00:00:00.000Z')
    expect(err).toContain('not recorded')
    expect(await eventsOf(sealed.core.ports.feed)).toHaveLength(2)
  })

  it('is CSV of RFC 4180 with a head', async () => {
    const { out } = await test.replay({ format: 'csv', to: position(3) })
    const { id } = test.core.ports.identity
    expect(out.split('\r\n')).toEqual([
      'position,stream,revision,type,resource,id,person,actor_kind,actor_id,node,recordedAt,occurredAt,data,erased',
      `${id}-0-2,person-ANA,0,PersonRegistered,people,ANA,ANA,person,ITAPYT999HON,,2026-01-02T03:04:05.000Z,,"{""name"":""=1+1"",""id"":""ANA"",""active"":true,""roles"":[""end_user""]}",`,
      `${id}-0-3,page-ANA:p1,0,PageWritten,pols,ANA/p1,ANA,person,ITAPYT999HON,,2026-01-02T03:04:05.000Z,,"{""summary"":""a \\""visit\\"",\\nlong"",""id"":""p1"",""book"":""ANA""}",`,
      '',
    ])
  })

  it('is CSV with its head alone where there is nothing', async () => {
    const { out } = await test.replay({ format: 'csv', stream: 'person-NOBODY' })
    expect(out).toMatch(/^position,.*,data,erased\r\n$/)
  })

  it.each(['=1', '+1', '-1', '@a', '\t1', '\r1'])('keeps a spreadsheet from running %j', async start => {
    const actor = { kind: 'node' as const, id: start, node: start }
    await test.append('person-EVE', eventOf('PersonRegistered', { id: 'EVE' }, { actor, subject: start }))
    const { out } = await test.replay({ format: 'csv', stream: 'person-EVE' })
    expect(out).not.toContain(`,${start}`)
    expect(out.split(`'${start}`)).toHaveLength(4)
  })
})
