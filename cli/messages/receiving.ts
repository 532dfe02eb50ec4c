import { join } from 'node:path'
import * as E from '#fp/Either'
import type { ExitCode } from '../command.ts'
import { askingHub } from '../hub/ask.ts'
import { broken, type HubFailure, type Refused } from '../hub/failure.ts'
import { pause, pauseAfter, waitingSentence } from '../hub/patience.ts'
import { type InboxMessage, inboxAt, type NotAnInbox } from './inbox.ts'
import { type KeepFailure, type Kept, type MessageFiles, openMessageFiles } from './message-files.ts'
import type { ReceiveRequest } from './receive-request.ts'

const waitSeconds = 50
/** How long one run that takes what waits goes on trying. */
const patienceMilliseconds = 120_000

/** Where a command says what comes of it, and when it is to end. */
export interface ReceiveSurroundings {
  /** Whether somebody still reads it. */
  readonly say: (line: string) => Promise<boolean>
  readonly complain: (sentence: string) => void
  /** No message is begun after it. */
  readonly signal: AbortSignal
  /** How long `--once` goes on trying, in milliseconds. */
  readonly patience?: number
}

type ReceiveFailure = HubFailure | NotAnInbox | KeepFailure | { readonly _tag: 'NobodyReads' }

const refusalSentence = (url: string, { status, detail }: Refused): string => {
  const explanation = detail === '' ? '' : ` ${detail}`
  switch (status) {
    case 401:
      return `${url} does not take the token (any more).${explanation}`
    case 403:
      return `${url} does not let this client read messages.${explanation}`
    default:
      return `${url} has no inbox for this client: it answered ${status}.${explanation}`
  }
}

const writeSentence = (folder: string, code: string): string =>
  code === 'ENOSPC' || code === 'EDQUOT'
    ? `The disk is full: ${folder} takes no more. What is not there whole is not acknowledged, and comes again.`
    : `${folder} cannot be written (${code}). What is not there whole is not acknowledged, and comes again.`

/** Whether only this message cannot be had, and others can. */
const concernsOne = (failure: KeepFailure): boolean =>
  failure._tag === 'ContentDiffers' ||
  (failure._tag === 'Refused' && (failure.status === 404 || failure.status === 410)) ||
  (failure._tag === 'Broken' && failure.status === 500)

type Round =
  | { readonly is: 'done'; readonly messages: number }
  /** Some of its messages could not be had. */
  | { readonly is: 'incomplete' }

/** Takes messages into the folder, and acknowledges each once it is on the disk there. */
const receiver = (
  { hub, out, types, json }: ReceiveRequest,
  files: MessageFiles,
  { say, complain, signal }: ReceiveSurroundings,
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

const endSentence = (
  { hub: { url }, out }: ReceiveRequest,
  failure: Exclude<ReceiveFailure, { _tag: 'NobodyReads' }>,
): string => {
  switch (failure._tag) {
    case 'Broken':
      return `${url} could not be asked (${failure.reason}).`
    case 'Refused':
      return refusalSentence(url, failure)
    case 'NoToken':
      return failure.sentence
    case 'NotAnInbox':
      return `${url} answers something else than the inbox of a hub of this release.`
    case 'NotWritten':
      return writeSentence(out, failure.code)
    case 'ContentDiffers':
      return `${url} gives a content that is not what was sent.`
  }
}

/** A position of another log: that of a hub that was put back from a backup, or moved. */
const isLostPlace = (failure: ReceiveFailure): boolean => failure._tag === 'Refused' && failure.status === 422

const someMissing = broken('it does not give every message whole')

/** Receives what waits, or all that comes until the signal. */
export const receive = async (
  request: ReceiveRequest,
  surroundings: ReceiveSurroundings,
): Promise<ExitCode> => {
  const { complain, signal, patience = patienceMilliseconds } = surroundings
  const { hub, out, once } = request
  const files = await openMessageFiles(out)
  if (E.isLeft(files)) {
    complain(writeSentence(out, files.left.code))
    return 1
  }
  const { round, acknowledge, startOver, hasPlace, steps } = receiver(request, files.right, surroundings)
  let failures = 0
  let since: number | undefined

  while (!signal.aborted) {
    const before = steps()
    const outcome = await round(once ? 0 : waitSeconds)
    if (E.isRight(outcome) && outcome.right.is === 'done') {
      if (failures > 0) complain(`${hub.url} answers again.`)
      failures = 0
      since = undefined
      if (once && outcome.right.messages === 0) return 0
      continue
    }
    const failure = E.isLeft(outcome) ? outcome.left : someMissing
    if (failure._tag === 'NobodyReads') break
    if (isLostPlace(failure) && hasPlace()) {
      complain(`${hub.url} has another log than before: all that waits is asked for anew.`)
      startOver()
      continue
    }
    if (failure._tag !== 'Broken') {
      complain(endSentence(request, failure))
      return 1
    }
    if (signal.aborted) break
    const wentOn = steps() > before
    failures = wentOn ? 1 : failures + 1
    since = wentOn || since === undefined ? performance.now() : since
    const milliseconds = pauseAfter(failures, failure)
    if (once && performance.now() + milliseconds - since > patience) {
      complain(endSentence(request, failure))
      return 1
    }
    complain(waitingSentence(hub.url, failure, milliseconds))
    await pause(milliseconds, signal)
  }
  // What the hub does not hear of now comes again, and is there already.
  await acknowledge()
  return 0
}
