import * as E from '#fp/Either'
import type { ExitCode } from '../command.ts'
import { broken, type Refused } from '../hub/failure.ts'
import { pause, pauseAfter, waitingSentence } from '../hub/patience.ts'
import { openMessageFiles } from './message-files.ts'
import type { ReceiveRequest } from './receive-request.ts'
import { type ReceiveFailure, type ReceiverSurroundings, receiver } from './receiver.ts'

const waitSeconds = 50
/** How long one run that takes what waits goes on trying. */
const patienceMilliseconds = 120_000

export interface ReceiveSurroundings extends ReceiverSurroundings {
  /** How long `--once` goes on trying, in milliseconds. */
  readonly patience?: number
}

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
