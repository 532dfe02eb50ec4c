import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { type AccountCommand, accountDecider } from '../../domain/account-decider.ts'
import type { Decider } from '../../domain/decider.ts'
import { encounters } from '../../domain/encounters.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { CreateItem, ItemCommand, ItemState, PutItem } from '../../domain/item.ts'
import { itemDecider } from '../../domain/item-decider.ts'
import type { JsonObject } from '../../domain/json.ts'
import { pages } from '../../domain/pages.ts'
import { people } from '../../domain/people.ts'
import type { BodyPassword, Registering } from '../../domain/person-rules.ts'

const person = itemDecider(people, { id: 'ANA' })
const page = itemDecider(pages, { owner: 'ANA', id: 'p1' })

const anybody = {
  preconditions: {},
  rights: { roles: false, password: false },
  knownRoles: ['end_user', 'root'],
}
const root = { ...anybody, rights: { roles: true, password: true } }
const none: BodyPassword = { is: 'none' }

const create = (body: JsonObject, more: Partial<Registering<CreateItem>> = {}): Registering<CreateItem> => ({
  _tag: 'Create',
  body,
  password: none,
  ...anybody,
  ...more,
})
const put = (body: JsonObject, mayCreate = true, mayReplace = true): Registering<PutItem> => ({
  _tag: 'Put',
  body,
  password: none,
  mayCreate,
  mayReplace,
  ...anybody,
})
const patch = (body: JsonObject): ItemCommand => ({ _tag: 'Patch', patch: body, preconditions: {} })
const remove: ItemCommand = { _tag: 'Remove', preconditions: {} }

const given = (
  decider: Pick<typeof person, 'evolve' | 'initial'>,
  ...events: readonly DomainEvent[]
): ItemState => events.reduce(decider.evolve, decider.initial)
const registered: DomainEvent = {
  type: 'PersonRegistered',
  data: { name: 'Ana', id: 'ANA', active: true, roles: ['end_user'] },
}
const deactivated: DomainEvent = { type: 'PersonDeactivated', data: {} }
const removed: DomainEvent = { type: 'PersonRemoved', data: {} }
const written: DomainEvent = { type: 'PageWritten', data: { info: 'x', id: 'p1', book: 'ANA' } }

const when = <Command>(decider: Decider<Command, ItemState>, state: ItemState, command: Command) =>
  decider.decide(command, state)
const then = (...events: readonly DomainEvent[]) => E.right(events)
const rejection = (tag: string) =>
  expect.objectContaining({ _tag: 'Left', left: expect.objectContaining({ _tag: tag }) })

describe('registering a person', () => {
  it('is recorded with the defaults of the hub', () => {
    expect(when(person, given(person), create({ name: 'Ana' }))).toEqual(then(registered))
  })
  it('accepts the same again without a new event', () => {
    expect(when(person, given(person, registered), create({ name: 'Ana' }))).toEqual(then())
    expect(
      when(person, given(person, registered), create({ roles: ['end_user'], name: 'Ana', id: 'ana' })),
    ).toEqual(then())
  })
  it('accepts the first content again after it was changed', () => {
    const changed = given(person, registered, { type: 'PersonChanged', data: { name: 'Eva' } })
    expect(when(person, changed, create({ name: 'Ana' }))).toEqual(then())
    expect(when(person, changed, create({ name: 'Eva' }))).toEqual(then())
  })
  it('names the credential of a password by its version only', () => {
    const command = create({ name: 'Ana' }, { ...root, password: { is: 'new', credential: 'v1' } })
    expect(when(person, given(person), command)).toEqual(then({ ...registered, credential: 'v1' }))
  })
  it('rejects other content, a removed person, and what the creator may not set', () => {
    expect(when(person, given(person, registered), create({ name: 'Eva' }))).toEqual(
      rejection('ExistsWithOtherContent'),
    )
    expect(when(person, given(person, registered, removed), create({ name: 'Ana' }))).toEqual(
      rejection('Removed'),
    )
    expect(when(person, given(person), create({ roles: ['root'] }))).toEqual(rejection('FieldNotAllowed'))
    expect(when(person, given(person), create({}, { password: { is: 'other' } }))).toEqual(
      rejection('FieldNotAllowed'),
    )
    expect(when(person, given(person), create({ roles: ['king'] }, root))).toEqual(rejection('Invalid'))
    const other = create({ name: 'Ana' }, { ...root, password: { is: 'other' } })
    expect(when(person, given(person, registered), other)).toEqual(rejection('ExistsWithOtherContent'))
  })
})

describe('putting a person', () => {
  it('is recorded as a registration, or as a replacement that keeps roles and active', () => {
    expect(when(person, given(person), put({ name: 'Ana' }))).toEqual(then(registered))
    expect(when(person, given(person, registered, deactivated), put({ name: 'Eva' }))).toEqual(
      then({ type: 'PersonReplaced', data: { name: 'Eva', id: 'ANA', active: false, roles: ['end_user'] } }),
    )
  })
  it('accepts what is so already without a new event', () => {
    expect(when(person, given(person, registered), put({ name: 'Ana', active: true }))).toEqual(then())
  })
  it('rejects what changes by other requests, and what the caller may not do', () => {
    expect(when(person, given(person, registered), put({ roles: ['root'] }))).toEqual(
      rejection('FieldNotAllowed'),
    )
    expect(when(person, given(person), put({}, false, true))).toEqual(rejection('NotAllowed'))
    expect(when(person, given(person, registered), put({}, true, false))).toEqual(rejection('NotAllowed'))
  })
})

describe('patching a person', () => {
  it('is recorded by what it changes only', () => {
    expect(when(person, given(person, registered), patch({ name: 'Ana', lastname: 'Betz' }))).toEqual(
      then({ type: 'PersonChanged', data: { lastname: 'Betz' } }),
    )
  })
  it('accepts what is so already without a new event', () => {
    expect(when(person, given(person, registered), patch({ name: 'Ana', dob: null, active: true }))).toEqual(
      then(),
    )
  })
  it('rejects roles, active and a password, and a person who never was', () => {
    for (const body of [{ roles: ['root'] }, { active: false }, { active: null }, { password: 'x' }])
      expect(when(person, given(person, registered), patch(body))).toEqual(rejection('FieldNotAllowed'))
    expect(when(person, given(person), patch({}))).toEqual(rejection('NeverWas'))
    expect(when(person, given(person, registered), patch({ info: 'x'.repeat(950_000) }))).toEqual(
      rejection('ItemTooLarge'),
    )
  })
})

describe('removing', () => {
  it('is recorded of an inactive person and of any page', () => {
    expect(when(person, given(person, registered, deactivated), remove)).toEqual(then(removed))
    expect(when(page, given(page, written), remove)).toEqual(then({ type: 'PageWithdrawn', data: {} }))
  })
  it('rejects an active person, one who never was, and one who is gone', () => {
    expect(when(person, given(person, registered), remove)).toEqual(rejection('WrongState'))
    expect(when(person, given(person), remove)).toEqual(rejection('NeverWas'))
    expect(when(person, given(person, registered, removed), remove)).toEqual(rejection('Removed'))
  })
})

describe('roles, active and password', () => {
  const assign = (...roles: readonly string[]): AccountCommand => ({
    _tag: 'AssignRoles',
    roles,
    knownRoles: anybody.knownRoles,
    preconditions: {},
  })
  const setActive = (active: boolean): AccountCommand => ({ _tag: 'SetActive', active, preconditions: {} })

  it('are recorded as facts of their own, a password without its text', () => {
    const state = given(person, registered)
    expect(when(accountDecider, state, assign('root', 'root'))).toEqual(
      then({ type: 'PersonRolesAssigned', data: { roles: ['root'] } }),
    )
    expect(when(accountDecider, state, setActive(false))).toEqual(then(deactivated))
    expect(when(accountDecider, state, { _tag: 'SetPassword', credential: 'v2', preconditions: {} })).toEqual(
      then({ type: 'PersonPasswordSet', data: {}, credential: 'v2' }),
    )
  })
  it('accept what is so already without a new event', () => {
    expect(when(accountDecider, given(person, registered), assign('end_user'))).toEqual(then())
    expect(when(accountDecider, given(person, registered, deactivated), setActive(false))).toEqual(then())
  })
  it('rejects an unknown role, another revision, and a person who never was', () => {
    expect(when(accountDecider, given(person, registered), assign('king'))).toEqual(rejection('Invalid'))
    expect(
      when(accountDecider, given(person, registered), {
        ...setActive(false),
        preconditions: { ifMatch: [7] },
      }),
    ).toEqual(rejection('StaleRevision'))
    expect(when(accountDecider, given(person), setActive(true))).toEqual(rejection('NeverWas'))
  })
})

describe('a page', () => {
  it('is recorded with its book and id', () => {
    expect(when(page, given(page), create({ info: 'x' }))).toEqual(then(written))
  })
  it('accepts the same again without a new event', () => {
    expect(when(page, given(page, written), create({ info: 'x', book: null }))).toEqual(then())
  })
  it('rejects other content', () => {
    expect(when(page, given(page, written), create({ info: 'y' }))).toEqual(
      rejection('ExistsWithOtherContent'),
    )
  })
})

describe('an encounter', () => {
  const encounter = itemDecider(encounters, { id: 'e1' })
  const seen = { person: 'ana', start: '2024-01-02' }
  const opened: DomainEvent = {
    type: 'EncounterOpened',
    data: { person: 'ANA', start: '2024-01-02', status: 'open', id: 'e1' },
  }
  const closed: DomainEvent = { type: 'EncounterClosed', data: { status: 'closed' } }
  const as = (person: string, command: ItemCommand): ItemCommand => ({
    ...command,
    confinement: { creating: person, seeing: person },
  })

  it('is recorded as open, and closed or cancelled by a fact of its own', () => {
    const state = given(encounter, opened)
    expect(when(encounter, given(encounter), create(seen))).toEqual(then(opened))
    expect(when(encounter, state, patch({ status: 'closed' }))).toEqual(then(closed))
    expect(when(encounter, state, patch({ status: 'cancelled', reason: 'away' }))).toEqual(
      then({ type: 'EncounterCancelled', data: { status: 'cancelled', reason: 'away' } }),
    )
    expect(when(encounter, state, put({ ...seen, status: 'closed' }))).toEqual(then(closed))
    expect(when(encounter, state, put({ ...seen, reason: 'x', status: 'closed' }))).toEqual(
      then({ type: 'EncounterReplaced', data: { ...opened.data, reason: 'x' } }, closed),
    )
  })
  it('accepts what is so already without a new event, a status that is left out included', () => {
    const state = given(encounter, opened, closed)
    for (const command of [create(seen), put(seen), patch({ status: 'closed', person: 'ANA' })])
      expect(when(encounter, state, command)).toEqual(then())
    expect(when(encounter, given(encounter, opened), patch({ status: null }))).toEqual(then())
  })
  it('rejects to be opened again, to be removed once closed, another person, and an end before its start', () => {
    const state = given(encounter, opened, closed)
    for (const command of [patch({ status: 'open' }), put({ ...seen, status: 'cancelled' }), remove])
      expect(when(encounter, state, command)).toEqual(rejection('WrongState'))
    for (const body of [{ person: 'EVA' }, { end: '2024-01-01' }])
      expect(when(encounter, state, patch(body))).toEqual(rejection('Invalid'))
  })
  it('rejects whoever is confined to their own as if it never was, but for its id', () => {
    for (const state of [given(encounter, opened), given(encounter, opened, closed)]) {
      for (const command of [patch({ reason: 'x' }), remove])
        expect(when(encounter, state, as('EVA', command))).toEqual(rejection('NeverWas'))
      for (const command of [create(seen), put(seen)])
        expect(when(encounter, state, as('EVA', command))).toEqual(rejection('ExistsWithOtherContent'))
    }
    const gone = given(encounter, opened, { type: 'EncounterRemoved', data: {} })
    expect(when(encounter, gone, as('EVA', remove))).toEqual(rejection('NeverWas'))
    expect(when(encounter, gone, as('ANA', remove))).toEqual(rejection('Removed'))
    expect(when(encounter, given(encounter), as('EVA', create(seen)))).toEqual(rejection('FieldNotAllowed'))
    const moved = as('ANA', patch({ person: 'EVA' }))
    expect(when(encounter, given(encounter, opened), moved)).toEqual(rejection('FieldNotAllowed'))
  })
})
