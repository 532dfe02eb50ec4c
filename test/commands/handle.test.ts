import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { EventLog } from '../../commands/event-log.ts'
import { type CommandContext, commandHandler } from '../../commands/handle.ts'
import { itemWriter } from '../../commands/items.ts'
import { makeTurns } from '../../commands/turns.ts'
import type { ItemCommand } from '../../domain/item.ts'
import { itemDecider } from '../../domain/item-decider.ts'
import { people } from '../../domain/people.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { left, right } from '../support/either.ts'
import { personChanged, personRegistered } from '../support/events.ts'
import { eventsIn } from '../support/feed.ts'
import { testKeys } from '../support/keys.ts'

const open = async (
  disturb: (log: EventLog) => EventLog = log => log,
  now = () => new Date('2026-01-01T00:00:00Z'),
) => {
  const { log } = await right(openLog(memoryLog(), testKeys))
  const disturbed = disturb(log)
  const handle = commandHandler({ log: disturbed, turns: makeTurns(100), now })
  return { log, writeItem: itemWriter(disturbed, handle) }
}

let commands = 0
const context = (more: Partial<CommandContext> = {}): CommandContext => {
  commands += 1
  return { actor: { kind: 'person', id: 'ITA' }, requestId: 'r', commandId: `c${commands}`, ...more }
}
const patch = (n: number): ItemCommand => ({ _tag: 'Patch', patch: { n }, preconditions: {} })
const write = (command: ItemCommand, more: { conditional?: boolean; context?: CommandContext } = {}) => ({
  resource: people,
  identity: { id: 'ANA' },
  decider: itemDecider(people, { id: 'ANA' }),
  prepare: async () => E.right(command),
  conditional: more.conditional ?? false,
  context: more.context ?? context(),
})

/** Another process that is faster, so many times. */
const withRival =
  (times: number) =>
  (log: EventLog): EventLog => {
    let left = times
    return {
      ...log,
      append: async (stream, expected, events) => {
        if (left > 0 && typeof expected === 'number') {
          left -= 1
          await log.append(stream, expected, [personChanged({ rival: left })])
        }
        return log.append(stream, expected, events)
      },
    }
  }

describe('the command handler', () => {
  it('takes who did it from the credentials, and stamps a time that never runs back', async () => {
    const { log, writeItem } = await open()
    await right(log.append('person-ANA', 'no-stream', [personRegistered('ANA')]))
    await right(writeItem(write(patch(1))))
    const [, second] = await eventsIn(log, 'person-ANA')
    expect(second?.metadata).toMatchObject({
      actor: { kind: 'person', id: 'ITA' },
      subject: 'ANA',
      recordedAt: '2026-01-02T03:04:05.000Z',
    })
  })

  it('decides anew after a conflict, nine times, when the caller named no revision', async () => {
    for (const [rivals, outcome] of [
      [9, 'Right'],
      [10, 'Left'],
    ] as const) {
      const { log, writeItem } = await open(withRival(rivals))
      await right(log.append('person-ANA', 'no-stream', [personRegistered('ANA')]))
      expect(await writeItem(write(patch(1)))).toMatchObject({ _tag: outcome })
    }
  })

  it('leaves a conflict to a caller who named a revision', async () => {
    const { log, writeItem } = await open(withRival(1))
    await right(log.append('person-ANA', 'no-stream', [personRegistered('ANA')]))
    expect(await left(writeItem(write(patch(1), { conditional: true })))).toEqual({ _tag: 'StaleRevision' })
  })

  it('recognises a command it has done, from the stream', async () => {
    const { log, writeItem } = await open()
    await right(log.append('person-ANA', 'no-stream', [personRegistered('ANA')]))
    const keyed = context({ commandId: 'k', fingerprint: 'f' })
    const first = await right(writeItem(write(patch(1), { context: keyed })))
    await right(writeItem(write(patch(2))))
    expect(await right(writeItem(write(patch(1), { context: keyed })))).toEqual(first)
    expect(await eventsIn(log, 'person-ANA')).toHaveLength(3)
    const other = context({ commandId: 'k', fingerprint: 'g' })
    expect(await left(writeItem(write(patch(1), { context: other })))).toEqual({
      _tag: 'KeyUsedForAnotherRequest',
    })
  })

  it('lets commands for one stream take turns, up to a bound', async () => {
    const turns = makeTurns(3)
    const order: number[] = []
    let release = () => {}
    const first = turns.take(
      'a',
      () =>
        new Promise<void>(resolve => {
          release = resolve
        }),
    )
    const others = [1, 2].map(n =>
      turns.take('a', async () => {
        order.push(n)
      }),
    )
    expect(turns.take('a', async () => {})).toBeUndefined()
    await turns.take('b', async () => {
      order.push(0)
    })
    release()
    await Promise.all([first, ...others])
    expect(order).toEqual([0, 1, 2])
    expect(turns.take('a', async () => {})).toBeDefined()
  })
})
