import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { EventLog } from '../../commands/event-log.ts'
import { type CommandContext, commandHandler } from '../../commands/handle.ts'
import { itemWriter } from '../../commands/items.ts'
import { makeTurns } from '../../commands/turns.ts'
import type { ItemCommand } from '../../domain/item.ts'
import { itemDecider } from '../../domain/item-decider.ts'
import { pages } from '../../domain/pages.ts'
import { people } from '../../domain/people.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { right } from '../support/either.ts'
import { personChanged, personRegistered } from '../support/events.ts'
import { testKeys } from '../support/keys.ts'

/** A log that counts the events it gives away, with a person of 1,200 revisions. */
const open = async () => {
  const { log } = await right(openLog(memoryLog(), testKeys))
  await right(log.append('person-ANA', 'no-stream', [personRegistered('ANA')]))
  for (let revision = 0; revision < 1_199; revision += 100)
    await right(
      log.append(
        'person-ANA',
        revision,
        Array.from({ length: Math.min(100, 1_199 - revision) }, (_, n) => personChanged({ n: revision + n })),
      ),
    )
  let given = 0
  const counting: EventLog = {
    ...log,
    read: async (stream, from) => {
      const run = await log.read(stream, from)
      if (E.isRight(run)) given += run.right.events.length
      return run
    },
  }
  const handle = commandHandler({ log: counting, turns: makeTurns(100), now: () => new Date() })
  return { log, given: () => given, writeItem: itemWriter(counting, handle) }
}

let commands = 0
const context = () => {
  commands += 1
  return {
    actor: { kind: 'person' as const, id: 'ANA' },
    requestId: 'r',
    commandId: `c${commands}`,
  }
}
/** With an `Idempotency-Key`. */
const keyed = () => ({ ...context(), fingerprint: 'f' })
const patch = (n: number): ItemCommand => ({ _tag: 'Patch', patch: { n }, preconditions: {} })
const write = (command: ItemCommand, how: CommandContext = context()) => ({
  resource: people,
  identity: { id: 'ANA' },
  decider: itemDecider(people, { id: 'ANA' }),
  prepare: async () => E.right(command),
  conditional: false,
  context: how,
})

describe('a long stream', () => {
  it('is read whole once, in runs, and then only as far as it is new', async () => {
    const { given, writeItem } = await open()
    expect(await right(writeItem(write(patch(-1))))).toMatchObject({ revision: 1_200 })
    expect(given()).toBe(1_200)
    for (let n = 0; n < 10; n += 1) await right(writeItem(write(patch(n % 2))))
    await right(writeItem(write(patch(1))))
    expect(given()).toBe(1_200)
  })

  it('shows what another process appended to it', async () => {
    const { log, writeItem } = await open()
    await right(writeItem(write(patch(-1))))
    await right(log.append('person-ANA', 1_200, [personChanged({ rival: true })]))
    const outcome = await right(writeItem(write(patch(-2))))
    expect(outcome).toMatchObject({ revision: 1_202, state: { item: { n: -2, rival: true } } })
  })

  it('still knows what a command with a key left in it', async () => {
    const { writeItem } = await open()
    const first = keyed()
    const before = await right(writeItem(write(patch(-1), first)))
    for (let n = 0; n < 3; n += 1) await right(writeItem(write(patch(n))))
    expect(await right(writeItem(write(patch(-1), first)))).toEqual(before)
  })

  it('of a person costs nothing to whoever writes into the book', async () => {
    const { given, writeItem } = await open()
    const create: ItemCommand = {
      _tag: 'Create',
      body: {},
      preconditions: {},
    }
    const identity = { owner: 'ANA', id: 'p1' }
    await right(
      writeItem({ ...write(create), resource: pages, identity, decider: itemDecider(pages, identity) }),
    )
    expect(given()).toBe(0)
  })
})
