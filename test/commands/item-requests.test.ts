import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { passwordTaker } from '../../auth/creation-password.ts'
import { settingLane } from '../../auth/lanes.ts'
import { makePasswords } from '../../auth/passwords.ts'
import { makeSlowWork } from '../../auth/slow-work.ts'
import { commandHandler } from '../../commands/handle.ts'
import { type ItemRequest, itemRequests, type SentBody } from '../../commands/item-requests.ts'
import { itemWriter } from '../../commands/items.ts'
import { makeTurns } from '../../commands/turns.ts'
import { encounters } from '../../domain/encounters.ts'
import type { JsonObject } from '../../domain/json.ts'
import { pages } from '../../domain/pages.ts'
import { people } from '../../domain/people.ts'
import type { Identity, Resource } from '../../domain/resource.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { left, right } from '../support/either.ts'
import { testKeys } from '../support/keys.ts'

const actor = { kind: 'person', id: 'ITA' } as const
const anybody = {
  rights: { roles: false, password: false },
  knownRoles: ['end_user', 'root'],
  takesHashes: false,
}
const registrar = { ...anybody, rights: { roles: true, password: true } }

const sent = (json: JsonObject): SentBody => ({ json, bytes: Buffer.from(JSON.stringify(json)) })
const create = (json: JsonObject): ItemRequest => ({ _tag: 'Create', sent: sent(json) })
const put = (json: JsonObject): ItemRequest => ({
  _tag: 'Put',
  sent: sent(json),
  mayCreate: true,
  mayReplace: true,
})
const patch = (json: JsonObject): ItemRequest => ({ _tag: 'Patch', sent: sent(json) })

const passwords = makePasswords(memoryAuthStore(), makeSlowWork())

const open = async () => {
  const { log } = await right(openLog(memoryLog(), testKeys))
  const handle = commandHandler({ log, turns: makeTurns(100), now: () => new Date('2026-01-01T00:00:00Z') })
  const accept = itemRequests(itemWriter(log, handle), passwordTaker(passwords))
  let commands = 0
  /** The outcome of a request, or what is wrong with it by itself. */
  const run = async (resource: Resource, identity: Identity, request: ItemRequest, sender = registrar) => {
    const accepted = accept(resource, identity, request, sender)
    if (E.isLeft(accepted)) throw new Error(JSON.stringify(accepted.left))
    commands += 1
    const context = {
      actor: { kind: 'person', id: 'ITA' },
      requestId: 'r',
      commandId: `c${commands}`,
    } as const
    return accepted.right({ preconditions: {}, context })
  }
  const events = async (stream: string) => (await right(log.read(stream))).events
  return { accept, run, events }
}

describe('a body of an item', () => {
  it('becomes an event with the defaults of the hub, dated by its sender', async () => {
    const { run, events } = await open()
    const creation_info = { timestamp: '2024-01-02 03:04:05' }
    await right(run(people, { id: 'ANA' }, create({ name: 'Ana', creation_info })))
    const modification_info = { timestamp: '2024-02-03T04:05:06+01:00' }
    await right(run(people, { id: 'ANA' }, patch({ name: 'Eva', modification_info })))
    expect(await events('person-ANA')).toMatchObject([
      {
        event: { data: { name: 'Ana', id: 'ANA', active: true, roles: ['end_user'] } },
        metadata: { occurredAt: '2024-01-02T03:04:05Z' },
      },
      { event: { data: { name: 'Eva' } }, metadata: { occurredAt: '2024-02-03T03:05:06Z' } },
    ])
  })

  const tooLarge = { info: 'x'.repeat(950_000) }
  it.each<[string, Resource, Identity, ItemRequest, string]>([
    ['a field that is wrong', people, { id: 'ANA' }, create({ active: 'yes' }), 'Invalid'],
    ['a field that is wrong in a patch', people, { id: 'ANA' }, patch({ active: 'yes' }), 'Invalid'],
    ['a field that is missing', encounters, { id: 'e1' }, create({ person: 'ANA' }), 'Invalid'],
    ['another id than the path', pages, { owner: 'ANA', id: 'p1' }, put({ id: 'p2' }), 'Invalid'],
    [
      'an end before its start',
      encounters,
      { id: 'e1' },
      patch({ start: '2024-01-02', end: '2024-01-01' }),
      'Invalid',
    ],
    ['more than 900 KiB', pages, { owner: 'ANA', id: 'p1' }, create(tooLarge), 'ItemTooLarge'],
    ['a password that is too short', people, { id: 'ANA' }, create({ password: 'x' }), 'Invalid'],
    ['a hash as a password', people, { id: 'ANA' }, put({ password: `$2b$12$${'x'.repeat(60)}` }), 'Invalid'],
  ])('is refused before the item is looked at with %s', async (_what, resource, identity, request, tag) => {
    const { accept } = await open()
    expect(accept(resource, identity, request, registrar)).toMatchObject({
      _tag: 'Left',
      left: { _tag: tag },
    })
  })

  it('is refused where it names what is not there', async () => {
    const { run } = await open()
    const body = create({ person: 'ANA', start: '2024-01-02' })
    expect(await left(run(encounters, { id: 'e1' }, body))).toMatchObject({
      errors: [{ pointer: '/person' }],
    })
    expect(await left(run(pages, { owner: 'ANA', id: 'p1' }, create({})))).toMatchObject({
      _tag: 'NeverWas',
      what: 'person',
    })
  })
})

describe('a password in a body', () => {
  it('is never part of an event, which names its version', async () => {
    const { run, events } = await open()
    const body = create({ name: 'Ana', password: 'gnusolidario' })
    await right(run(people, { id: 'ANA' }, body))
    const [registered] = await events('person-ANA')
    expect(JSON.stringify(registered?.event)).not.toContain('gnusolidario')
    const credential = registered?.event.credential ?? ''
    expect(await right(passwords.verify('ANA', credential, 'gnusolidario', settingLane(actor)))).toBe(true)
    expect(await right(run(people, { id: 'ANA' }, body))).toMatchObject({ added: false })
  })

  it('is refused, like roles, from whoever may not set it', async () => {
    const { run } = await open()
    for (const body of [{ password: 'gnusolidario' }, { roles: ['root'] }])
      expect(await left(run(people, { id: 'ANA' }, create(body), anybody))).toMatchObject({
        _tag: 'FieldNotAllowed',
      })
  })
})
