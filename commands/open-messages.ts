import type { RecordedEvent } from '../domain/event.ts'
import type { KeptBody } from '../domain/message-shapes.ts'
import {
  hasExpired,
  isClosed,
  isMessageEvent,
  type MessageState,
  messageDecider,
} from '../domain/messages.ts'
import { keyOfStream } from '../domain/resource.ts'

export interface OpenMessages {
  /** Takes in an event of the log, in its order. */
  readonly add: (recorded: RecordedEvent) => void
  /** The bodies of those that somebody still waits for as of the last event, at a time (ISO 8601). */
  readonly bodies: (now: string) => Iterable<KeptBody>
}

/** The messages that the log knows and that some recipient has not acknowledged. Holds these, without their bodies. */
export const makeOpenMessages = (): OpenMessages => {
  const open = new Map<string, MessageState>()
  return {
    add: ({ stream, event }) => {
      if (!isMessageEvent(event)) return
      const id = keyOfStream(stream)
      const state = messageDecider.evolve(open.get(id) ?? messageDecider.initial, event)
      if (state.is === 'absent' || isClosed(state)) open.delete(id)
      else open.set(id, state)
    },
    bodies: function* (now) {
      for (const state of open.values())
        if (state.is === 'complete' && state.envelope.body !== undefined && !hasExpired(state.envelope, now))
          yield state.envelope.body
    },
  }
}
