import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { DomainEvent } from '../../domain/event.ts'
import type { JsonObject } from '../../domain/json.ts'
import {
  liveSecretVersions,
  parseSubscription,
  type SubscriptionCommand,
  type SubscriptionState,
  subscriptionDecider,
} from '../../domain/subscriptions.ts'

const managed = { by: 'all' as const, preconditions: {} }
const births: JsonObject = {
  id: 's1',
  node: 'registry',
  url: 'https://registry.example.org/births',
  types: ['LifeEventRecorded'],
  resources: ['events'],
  person: null,
  from: 'log-0-42',
}
const at = '2026-03-01T09:30:00.000Z'
const create: SubscriptionCommand = { _tag: 'Create', item: births, ...managed }
const change = (patch: JsonObject, status?: 'active' | 'paused'): SubscriptionCommand => ({
  _tag: 'Change',
  patch,
  ...(status === undefined ? {} : { status }),
  ...managed,
})
const disable = (reason: 'gone' | 'rights' = 'gone'): SubscriptionCommand => ({
  _tag: 'Disable',
  reason,
  ...managed,
})
const rotate: SubscriptionCommand = { _tag: 'RotateSecret', at, ...managed }
const deny: SubscriptionCommand = { _tag: 'Deny', at, needed: ['events:read'], ...managed }
const permit: SubscriptionCommand = { _tag: 'Permit', ...managed }
const replay = (range: { from?: string; to?: string } = {}): SubscriptionCommand => ({
  _tag: 'ReplayDeadLetters',
  at,
  ...range,
  ...managed,
})
const remove: SubscriptionCommand = { _tag: 'Remove', ...managed }
const commands = [change({}), disable(), rotate, deny, permit, replay(), remove]

const stateAfter = (...given: readonly SubscriptionCommand[]): SubscriptionState =>
  given.reduce<SubscriptionState>((state, command) => {
    const decided = subscriptionDecider.decide(command, state)
    if (E.isLeft(decided)) throw new Error(decided.left._tag)
    return decided.right.reduce(subscriptionDecider.evolve, state)
  }, subscriptionDecider.initial)

const decide = (command: SubscriptionCommand, ...given: readonly SubscriptionCommand[]) =>
  subscriptionDecider.decide(command, stateAfter(...given))
const subscriptionAfter = (...given: readonly SubscriptionCommand[]) => {
  const state = stateAfter(...given)
  if (state.is !== 'present') throw new Error(`the subscription is ${state.is}`)
  return state.subscription
}
const events = (...expected: readonly DomainEvent[]) => E.right(expected)
const rejected = (tag: string) => E.left(expect.objectContaining({ _tag: tag }))

describe('Create', () => {
  it('is SubscriptionCreated, active from the first', () => {
    expect(decide(create)).toEqual(events({ type: 'SubscriptionCreated', data: births }))
    expect(subscriptionAfter(create)).toEqual({ ...births, status: 'active', secretVersion: 0 })
  })
  it('rejects another of the same id, one that was removed, and a stale precondition', () => {
    expect(decide(create, create)).toEqual(rejected('ExistsWithOtherContent'))
    expect(decide(create, create, remove)).toEqual(rejected('Removed'))
    expect(decide({ ...create, preconditions: { ifMatch: '*' } })).toEqual(rejected('StaleRevision'))
  })
})

describe('Change', () => {
  it('is SubscriptionChanged with what differs', () => {
    expect(decide(change({ url: 'https://new.example.org/', person: null }), create)).toEqual(
      events({
        type: 'SubscriptionChanged',
        data: { url: 'https://new.example.org/' },
      }),
    )
  })
  it('is SubscriptionChanged where a filter is lifted, which is kept as none', () => {
    const lifted = change({ types: null })
    expect(decide(lifted, create)).toEqual(events({ type: 'SubscriptionChanged', data: { types: null } }))
    expect(subscriptionAfter(create, lifted)).toMatchObject({ types: null, resources: ['events'] })
  })
  it('is SubscriptionPaused and SubscriptionResumed, after what differs', () => {
    expect(decide(change({ person: 'A' }, 'paused'), create)).toEqual(
      events(
        { type: 'SubscriptionChanged', data: { person: 'A' } },
        { type: 'SubscriptionPaused', data: {} },
      ),
    )
    expect(decide(change({}, 'active'), create, change({}, 'paused'))).toEqual(
      events({ type: 'SubscriptionResumed', data: {} }),
    )
  })
  it('is SubscriptionResumed for one that was disabled: nothing is left of why', () => {
    expect(decide(change({}, 'active'), create, disable())).toEqual(
      events({ type: 'SubscriptionResumed', data: {} }),
    )
    expect(subscriptionAfter(create, deny, disable('rights'), change({}, 'active'))).toEqual(
      subscriptionAfter(create),
    )
    expect(subscriptionAfter(create, disable(), change({}, 'paused'))).toEqual(
      subscriptionAfter(create, change({}, 'paused')),
    )
  })
  it('accepts what is so already without a new event', () => {
    expect(decide(change({}), create)).toEqual(events())
    expect(decide(change({ url: births.url ?? '', types: ['LifeEventRecorded'] }, 'active'), create)).toEqual(
      events(),
    )
    expect(decide(change({ person: null }), create)).toEqual(events())
    expect(decide(change({ types: null }), create, change({ types: null }))).toEqual(events())
    expect(decide(change({}, 'paused'), create, change({}, 'paused'))).toEqual(events())
  })
})

describe('Disable', () => {
  it('is SubscriptionDisabled with the reason, also for one that is paused', () => {
    expect(decide(disable('rights'), create, deny)).toEqual(
      events({ type: 'SubscriptionDisabled', data: { reason: 'rights' } }),
    )
    expect(subscriptionAfter(create, deny, disable('rights'))).toEqual({
      ...subscriptionAfter(create),
      status: 'disabled',
      disabledBecause: 'rights',
    })
    expect(decide(disable(), create, change({}, 'paused'))).toEqual(
      events({ type: 'SubscriptionDisabled', data: { reason: 'gone' } }),
    )
  })
  it('accepts one that is disabled without a new event', () => {
    expect(decide(disable('rights'), create, disable('gone'))).toEqual(events())
  })
})

describe('RotateSecret', () => {
  it('is SubscriptionSecretRotated each time: the next version', () => {
    expect(decide(rotate, create, rotate)).toEqual(
      events({ type: 'SubscriptionSecretRotated', data: { at } }),
    )
    expect(subscriptionAfter(create, rotate, rotate)).toMatchObject({ secretVersion: 2, rotatedAt: at })
  })
})

describe('Deny and Permit', () => {
  it('are SubscriptionDenied, since when and for which rights, and SubscriptionPermitted', () => {
    expect(decide(deny, create)).toEqual(
      events({ type: 'SubscriptionDenied', data: { at, needed: ['events:read'] } }),
    )
    expect(subscriptionAfter(create, deny).denied).toEqual({ since: at, needed: ['events:read'] })
    expect(decide(permit, create, deny)).toEqual(events({ type: 'SubscriptionPermitted', data: {} }))
    expect(subscriptionAfter(create, deny, permit)).toEqual(subscriptionAfter(create))
  })
  it('accept what is so already without a new event: since when stays', () => {
    expect(decide({ ...deny, at: '2026-03-02T00:00:00.000Z' } as SubscriptionCommand, create, deny)).toEqual(
      events(),
    )
    expect(decide(permit, create)).toEqual(events())
  })
})

describe('ReplayDeadLetters', () => {
  it('is SubscriptionDeadLettersReplayed each time, of a range or of all', () => {
    expect(decide(replay(), create, replay())).toEqual(
      events({ type: 'SubscriptionDeadLettersReplayed', data: { at } }),
    )
    expect(decide(replay({ from: 'log-0-1', to: 'log-0-9' }), create)).toEqual(
      events({ type: 'SubscriptionDeadLettersReplayed', data: { at, from: 'log-0-1', to: 'log-0-9' } }),
    )
    expect(subscriptionAfter(create, replay())).toEqual(subscriptionAfter(create))
  })
})

describe('Remove', () => {
  it('is SubscriptionRemoved, and nothing is done with it after that', () => {
    expect(decide(remove, create)).toEqual(events({ type: 'SubscriptionRemoved', data: {} }))
    for (const command of commands) expect(decide(command, create, remove)).toEqual(rejected('Removed'))
  })
})

describe('every command', () => {
  it('rejects a subscription that never was', () => {
    for (const command of commands) expect(decide(command)).toEqual(rejected('NeverWas'))
  })
  it('rejects another node’s subscription as one that never was, also once it is removed', () => {
    const by = { node: 'another' }
    for (const command of [create, ...commands]) {
      expect(decide({ ...command, by }, create)).toEqual(rejected('NeverWas'))
      expect(decide({ ...command, by }, create, remove)).toEqual(rejected('NeverWas'))
    }
    expect(decide({ ...remove, by: { node: 'registry' } }, create)).toMatchObject({ _tag: 'Right' })
  })
  it('rejects a revision that is stale', () => {
    for (const command of commands) {
      const preconditions = { ifMatch: [0] }
      expect(decide({ ...command, preconditions }, create)).toMatchObject({ _tag: 'Right' })
      expect(decide({ ...command, preconditions }, create, rotate)).toEqual(
        E.left({ _tag: 'StaleRevision', revision: 1 }),
      )
    }
  })
})

describe('what a stream tells', () => {
  it('is the same whatever else lies in it', () => {
    const state = stateAfter(create)
    expect(subscriptionDecider.evolve(state, { type: 'PersonChanged', data: {} })).toEqual(state)
    const removed = stateAfter(create, remove)
    expect(subscriptionDecider.evolve(removed, { type: 'SubscriptionResumed', data: {} })).toEqual(removed)
  })
  it('counts each of its facts as a revision', () => {
    expect(stateAfter(create, rotate, deny, replay(), remove)).toEqual({
      is: 'removed',
      revision: 4,
      node: 'registry',
    })
  })
  it('is no subscription for what no release would have written', () => {
    expect(parseSubscription({ ...births, status: 'active' })).toBeUndefined()
    expect(parseSubscription({ ...births, status: 'asleep', secretVersion: 0 })).toBeUndefined()
  })
})

describe('the secrets that sign', () => {
  const day = 24 * 3_600_000
  it('are one, and the one before for a day after a rotation', () => {
    const rotatedAt = Date.parse(at)
    expect(liveSecretVersions(subscriptionAfter(create), rotatedAt)).toEqual([0])
    const rotated = subscriptionAfter(create, rotate)
    expect(liveSecretVersions(rotated, rotatedAt)).toEqual([1, 0])
    expect(liveSecretVersions(rotated, rotatedAt + day - 1)).toEqual([1, 0])
    expect(liveSecretVersions(rotated, rotatedAt + day)).toEqual([1])
  })
  it('are the newest two at most, however often it is rotated', () => {
    expect(liveSecretVersions(subscriptionAfter(create, rotate, rotate, rotate), Date.parse(at))).toEqual([
      3, 2,
    ])
  })
})
