import { join } from 'node:path'
import * as E from '#fp/Either'
import { askingHub } from '../hub/ask.ts'
import type { HubFailure } from '../hub/failure.ts'
import { type InboxMessage, inboxAt, type NotAnInbox } from './inbox.ts'
import type { KeepFailure, Kept, MessageFiles } from './message-files.ts'
import type { ReceiveRequest } from './receive-request.ts'

/** Where a command says what comes of it, and when it is to end. */
export interface ReceiverSurroundings {
  /** Whether somebody still reads it. */
  readonly say: (line: string) => Promise<boolean>
  readonly complain: (sentence: string) => void
  /** No message is begun after it. */
  readonly signal: AbortSignal
}

export type ReceiveFailure = HubFailure | NotAnInbox | KeepFailure | { readonly _tag: 'NobodyReads' }

/** Whether only this message cannot be had, and others can. */
const concernsOne = (failure: KeepFailure): boolean =>
  failure._tag === 'ContentDiffers' ||
  (failure._tag === 'Refused' && (failure.status === 404 || failure.status === 410)) ||
  (failure._tag === 'Broken' && failure.status === 500)

export type Round =
  | { readonly is: 'done'; readonly messages: number }
  /** Some of its messages could not be had. */
  | { readonly is: 'incomplete' }

/** Takes messages into the folder, and acknowledges each once it is on the disk there. */
export const receiver = (
  { hub, out, types, json }: ReceiveRequest,
  files: MessageFiles,
  { say, complain, signal }: ReceiverSurroundings,
) => {
  const inbox = inboxAt(askingHub(hub))
  /** A download goes on when the command is to end. */
  const toTheEnd = new AbortController().signal
  /** On the disk. */
  const unacknowledged = new Set<string>()
  let after: string | undefined
  let steps = 0

  const lineOf = ({ id, from, type, sentAt }: InboxMessage, { file, contentFile }: Kept): string =>
    json
      ? JSON.stringify({
          file: join(out, file),
          ...(contentFile === undefined ? {} : { content: join(out, contentFile) }),
          ...{ id, from, type, sentAt },
        })
      : join(out, file)

  const acknowledge = async (): Promise<E.Either<HubFailure, void>> => {
    if (unacknowledged.size === 0) return E.right(undefined)
    const acknowledged = await inbox.acknowledge([...unacknowledged], toTheEnd)
    if (E.isLeft(acknowledged)) return acknowledged
    unacknowledged.clear()
    steps += 1
    return acknowledged
  }

  const take = async (message: InboxMessage): Promise<E.Either<ReceiveFailure, void>> => {
    const kept = await files.keep(message, () => inbox.content(message.id, toTheEnd))
    if (E.isLeft(kept)) return kept
    // Before it is acknowledged: whoever is told of it may be told twice, but not never.
    if (!(await say(lineOf(message, kept.right)))) return E.left({ _tag: 'NobodyReads' })
    unacknowledged.add(message.id)
    steps += 1
    return E.right(undefined)
  }

  return {
    acknowledge,
    /** From the oldest message again. */
    startOver: () => {
      after = undefined
    },
    hasPlace: () => after !== undefined,
    /** Grows with every message that is kept and with every acknowledgement. */
    steps: () => steps,
    round: async (seconds: number): Promise<E.Either<ReceiveFailure, Round>> => {
      const before = await acknowledge()
      if (E.isLeft(before)) return before
      const page = await inbox.page(after, seconds, signal)
      if (E.isLeft(page)) return page
      const { messages, next } = page.right
      let isWhole = true
      for (const message of messages) {
        if (signal.aborted) break
        if (types?.includes(message.type) === false) continue
        const taken = await take(message)
        if (E.isRight(taken)) continue
        const failure = taken.left
        if (failure._tag === 'NotAnInbox' || failure._tag === 'NobodyReads' || !concernsOne(failure))
          return taken
        complain(
          `Message ${message.id} from ${JSON.stringify(message.from)} cannot be had whole now: it comes again.`,
        )
        isWhole = false
      }
      const acknowledged = await acknowledge()
      if (E.isLeft(acknowledged)) return acknowledged
      after = isWhole ? next : undefined
      return E.right(isWhole ? { is: 'done', messages: messages.length } : { is: 'incomplete' })
    },
  }
}
