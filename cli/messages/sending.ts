import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import * as E from '#fp/Either'
import type { ExitCode } from '../command.ts'
import { askingHub, type HubRequest, jsonOf } from '../hub/ask.ts'
import type { HubFailure, Refused } from '../hub/failure.ts'
import { patiently } from '../hub/patience.ts'
import { optionProblem, type SendRequest } from './send-request.ts'
import { digestOf, jsonTextIn, openSource, type Source } from './source.ts'

/** What a hub takes as the body of a request that sends a message. */
const mostRequestBytes = 2 * 1024 * 1024
const answerMilliseconds = 60_000
const patienceMilliseconds = 120_000

/** Where a command says what comes of it, and when it is to end. */
export interface SendSurroundings {
  readonly say: (line: string) => void
  readonly complain: (sentence: string) => void
  readonly signal: AbortSignal
  /** How long it goes on trying, in milliseconds. */
  readonly patience?: number
}

/** A message as the hub answered it. */
interface Sent {
  readonly id: string
  readonly text: string
}

type SendFailure = HubFailure | { readonly _tag: 'NoMessage' }

const sentShape = z.object({ id: z.string().regex(/^[\w-]{1,128}$/) })

const sentIn = async (answer: Response): Promise<E.Either<SendFailure, Sent>> => {
  const json = await jsonOf(answer)
  if (E.isLeft(json)) return json
  const id = sentShape.safeParse(json.right?.value).data?.id
  return id === undefined ? E.left({ _tag: 'NoMessage' }) : E.right({ id, text: json.right?.text ?? '' })
}

const refusalSentences = (url: string, { status, detail, errors }: Refused): readonly string[] => {
  const explanation = detail === '' ? '' : ` ${detail}`
  if (errors.length > 0) return errors.map(optionProblem)
  switch (status) {
    case 401:
      return [`${url} does not take the token (any more).${explanation}`]
    case 403:
      return [`${url} does not let this client send.${explanation}`]
    default:
      return [`${url} does not take the message: it answered ${status}.${explanation}`]
  }
}

const isWrongForm = ({ status }: Refused): boolean => status === 400 || status === 422

/** The request's body with the message's own body in it, as it was written: a number keeps its digits. */
const inlineBody = ({ head, contentType }: SendRequest, text: string): string => {
  const said = JSON.stringify(contentType === undefined ? head : { ...head, contentType })
  return `${said.slice(0, -1)},"body":${text}}`
}

const sendSource = async (
  request: SendRequest,
  source: Source,
  { say, complain, signal, patience: most = patienceMilliseconds }: SendSurroundings,
): Promise<ExitCode> => {
  const { url } = request.hub
  const text = await jsonTextIn(source, mostRequestBytes)
  if (E.isLeft(text)) {
    complain(text.left)
    return 2
  }
  const inline = text.right === undefined ? undefined : inlineBody(request, text.right)
  const isInline = inline !== undefined && Buffer.byteLength(inline) <= mostRequestBytes
  const ask = askingHub(request.hub)
  const key = request.idempotencyKey ?? randomUUID()

  const repeat = (path: string, asked: Omit<HubRequest, 'signal'>, signals: () => readonly AbortSignal[]) =>
    patiently<Sent, SendFailure>({ url, most, signal, complain }, async () => {
      const answer = await ask(path, { ...asked, signal: AbortSignal.any([signal, ...signals()]) })
      return E.isLeft(answer) ? answer : sentIn(answer.right)
    })

  const fail = (failure: SendFailure, begun?: Sent): ExitCode => {
    switch (failure._tag) {
      case 'Broken':
        complain(
          `${signal.aborted ? 'Interrupted.' : `${url} could not be asked for ${Math.round(most / 1000)} s (${failure.reason}).`} The same command with --idempotency-key ${key} goes on, and sends nothing twice.`,
        )
        return 1
      case 'NoToken':
        complain(failure.sentence)
        return 1
      case 'NoMessage':
        complain(`${url} answers something else than a hub of this release.`)
        return 1
      case 'Refused':
        for (const sentence of refusalSentences(url, failure)) complain(sentence)
        if (begun !== undefined) complain(`Nobody is given message ${begun.id}: it has no content.`)
        return isWrongForm(failure) ? 2 : 1
    }
  }

  const begun = await repeat(
    '/messages',
    {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
      body: isInline ? inline : JSON.stringify({ ...request.head, content: true }),
    },
    () => [AbortSignal.timeout(answerMilliseconds)],
  )
  if (E.isLeft(begun)) return fail(begun.left)
  let sent = begun.right
  if (!isInline) {
    const headers = { 'Content-Type': source.type, 'Content-Digest': await digestOf(source) }
    const stored = await repeat(
      `/messages/${sent.id}/content`,
      { method: 'PUT', headers, body: source },
      () => [],
    )
    if (E.isLeft(stored)) return fail(stored.left, sent)
    sent = stored.right
  }
  say(request.json ? sent.text : sent.id)
  return 0
}

/** Sends a message, once: what is not known to have arrived is sent again with the same key. */
export const send = async (request: SendRequest, surroundings: SendSurroundings): Promise<ExitCode> => {
  const source = await openSource(request.file, request.contentType)
  if (E.isLeft(source)) {
    surroundings.complain(source.left)
    return 2
  }
  try {
    return await sendSource(request, source.right, surroundings)
  } finally {
    await source.right.remove()
  }
}
