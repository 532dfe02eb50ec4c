import { z } from 'zod'
import * as E from '#fp/Either'
import { type Ask, jsonOf } from '../hub/ask.ts'
import { broken, type HubFailure } from '../hub/failure.ts'

/** More than the hub may wait, so that a connection that is dead is given up. */
const graceMilliseconds = 30_000
/** Of a page at most; so many are acknowledged at once. */
const pageMessages = 100

const messageShape = z.object({
  // What is checked here is part of a file's name.
  id: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/),
  sentAt: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/),
  from: z.string(),
  type: z.string(),
  content: z.object({ size: z.int().min(0), sha256: z.string() }).nullish(),
})

/** A message of the inbox: what this program looks at, and all of it as JSON. */
export interface InboxMessage extends z.infer<typeof messageShape> {
  readonly json: string
}

export interface InboxPage {
  readonly messages: readonly InboxMessage[]
  /** `after` of the next page. */
  readonly next: string
}

/** The hub answers something that is no inbox. */
export interface NotAnInbox {
  readonly _tag: 'NotAnInbox'
}

const pageShape = z.object({ messages: z.array(z.unknown()), next: z.string() })

const pageIn = (value: unknown): InboxPage | undefined => {
  const page = pageShape.safeParse(value)
  if (!page.success) return undefined
  const messages = page.data.messages.map(message => {
    const parsed = messageShape.safeParse(message)
    // As answered: the shape leaves out what it does not know.
    return parsed.success ? { ...parsed.data, json: JSON.stringify(message) } : undefined
  })
  const known = messages.filter(message => message !== undefined)
  return known.length === messages.length ? { messages: known, next: page.data.next } : undefined
}

/** The inbox of a node at a hub. */
export interface Inbox {
  /** Its oldest messages after a place, unacknowledged; waits for one so many seconds. */
  readonly page: (
    after: string | undefined,
    waitSeconds: number,
    signal: AbortSignal,
  ) => Promise<E.Either<HubFailure | NotAnInbox, InboxPage>>
  /** The bytes of a message. */
  readonly content: (id: string, signal: AbortSignal) => Promise<E.Either<HubFailure, Response>>
  readonly acknowledge: (ids: readonly string[], signal: AbortSignal) => Promise<E.Either<HubFailure, void>>
}

export const inboxAt = (ask: Ask): Inbox => ({
  page: async (after, waitSeconds, signal) => {
    const query = new URLSearchParams({
      limit: String(pageMessages),
      wait: String(waitSeconds),
      ...(after === undefined ? {} : { after }),
    })
    const limit = AbortSignal.timeout(1000 * waitSeconds + graceMilliseconds)
    const answer = await ask(`/messages?${query}`, {
      headers: { Accept: 'application/json' },
      signal: AbortSignal.any([signal, limit]),
    })
    if (E.isLeft(answer)) return answer
    const json = await jsonOf(answer.right)
    if (E.isLeft(json)) return json
    const page = pageIn(json.right?.value)
    return page === undefined ? E.left({ _tag: 'NotAnInbox' }) : E.right(page)
  },
  content: (id, signal) => ask(`/messages/${id}/content`, { signal }),
  acknowledge: async (ids, signal) => {
    const answer = await ask('/messages/acks', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ids }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(graceMilliseconds)]),
    })
    if (E.isLeft(answer)) return answer
    try {
      await answer.right.body?.cancel()
    } catch {
      return E.left(broken('the connection broke'))
    }
    return E.right(undefined)
  },
})
