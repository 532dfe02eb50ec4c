import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Client, Reply } from './client.ts'

const pages = z.array(z.object({ id: z.string(), summary: z.string() }))
/** Milliseconds between two pages of a writer: the load lasts, and the book stays one that is read in a moment. */
const pace = 80

/** How the size of a book is polled: rarely, as each look reads all of it from the server that is to catch up. */
export const untilBookIsRead = { timeout: 60_000, interval: 500 }

const mostRepeats = 20

/** A read that is repeated, as often as it is answered 503, after the seconds that the answer names. */
const patiently = async (client: Client, path: string): Promise<Reply> => {
  for (let repeats = 0; ; repeats += 1) {
    const reply = await client.get(path)
    if (reply.status !== 503 || repeats === mostRepeats) return reply
    await pause(1000 * Number(reply.headers.get('Retry-After')))
  }
}

/** The whole book, page by page: ids and summaries, in the list's order. */
export const bookOf = async (
  client: Client,
  person: string,
): Promise<readonly { id: string; summary: string }[]> => {
  const items: { id: string; summary: string }[] = []
  let path: string | undefined = `/pols/${person}?limit=100`
  while (path !== undefined) {
    const reply = await patiently(client, path)
    if (reply.status !== 200) throw new Error(`the book was not read: ${reply.status} ${reply.text}`)
    items.push(...pages.parse(reply.json))
    path = /<([^>]+)>/.exec(reply.headers.get('Link') ?? '')?.[1]
  }
  return items
}

/** Writers that go on, whatever they are answered, until they are told to end. */
export interface Load {
  /** Ids of the pages that were answered 2xx. */
  readonly answered: () => readonly string[]
  /** What else was answered. */
  readonly refusals: () => readonly Reply[]
  /** Lets each end once its last page is answered 2xx; one whose hub is gone ends without. */
  readonly end: () => Promise<void>
}

/** Each writer writes one page after the other into the person's book, and each again until it is answered 2xx. */
export const startLoad = (client: Client, person: string, writers: number, prefix = ''): Load => {
  const answered: string[] = []
  const refusals: Reply[] = []
  let isOver = false
  const write = async (writer: number): Promise<void> => {
    for (let n = 0; !isOver; n += 1) {
      const id = `${prefix}w${writer}-${n}`
      for (let isWritten = false; !isWritten; ) {
        const reply = await client.post(`/pols/${person}/${id}`, { summary: id }).catch(() => undefined)
        isWritten = reply?.status === 201 || reply?.status === 200
        if (reply === undefined && isOver) return
        if (reply !== undefined && !isWritten) refusals.push(reply)
        await pause(pace)
      }
      answered.push(id)
    }
  }
  const writing = Promise.all(Array.from({ length: writers }, (_, i) => write(i)))
  return {
    answered: () => answered,
    refusals: () => refusals,
    end: async () => {
      isOver = true
      await writing
    },
  }
}
