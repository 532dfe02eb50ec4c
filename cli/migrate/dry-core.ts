import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import { passwordTaker } from '../../auth/creation-password.ts'
import type { EventLog } from '../../commands/event-log.ts'
import { commandHandler } from '../../commands/handle.ts'
import { itemRequests } from '../../commands/item-requests.ts'
import { itemWriter } from '../../commands/items.ts'
import { makeTurns } from '../../commands/turns.ts'
import type { Core } from '../../core.ts'
import type { RecordedEvent } from '../../domain/event.ts'
import { people } from '../../domain/people.ts'

const personStreams = `${people.noun}-`

/**
 * The log as it is, which takes appends and stores none. Of what it took it remembers the streams of people, with nothing in
 * them: that is all that what comes later asks of what came before.
 */
const dryLog = (log: EventLog): EventLog => {
  const people = new Map<string, RecordedEvent>()
  return {
    read: log.read,
    last: async stream => {
      const taken = people.get(stream)
      return taken === undefined ? log.last(stream) : E.right(taken)
    },
    lastType: async stream => {
      const taken = people.get(stream)
      return taken === undefined ? log.lastType(stream) : E.right({ type: taken.event.type, isErased: false })
    },
    append: async (stream, expected, events) => {
      const first = expected === 'no-stream' ? 0 : expected + 1
      const recorded = events.map((event, i) => ({ ...event, stream, revision: first + i, position: 0n }))
      const last = recorded.at(-1)
      if (last !== undefined && stream.startsWith(personStreams))
        people.set(stream, { ...last, event: { type: last.event.type, data: {} } })
      return E.right(recorded)
    },
  }
}

/** What decides about items exactly as the hub does, and writes nothing. */
export const dryCore = ({ ports, policy, passwords }: Core): Pick<Core, 'acceptItem' | 'policy'> => {
  const log = dryLog(ports.log)
  const handle = commandHandler({ log, turns: makeTurns(1000), now: () => new Date() })
  const takeSecret = passwordTaker({ ...passwords, import: async () => E.right(randomUUID()) })
  return { policy, acceptItem: itemRequests(itemWriter(log, handle), takeSecret) }
}
