import * as E from '#fp/Either'
import { invalid } from '../../domain/rejection.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { announcedBytes } from '../documents/announced-bytes.ts'
import { digestCheck } from '../documents/digests.ts'
import { arriving, makePlaces, tooSlow, uploadBounds, uploadTimes } from '../documents/uploads.ts'
import type { Answer } from '../http/answer.ts'
import { type Call, type Handle, pathParameter } from '../http/call.ts'
import { itemParametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import { askForBody } from '../http/unread.ts'
import { writeRequestOf } from '../http/write-request.ts'
import { messageAnswer } from './sending.ts'
import { statesFor } from './shown.ts'

const noSuchMessage: Failure = { _tag: 'NoSuchItem', what: 'message' }
const noContent: Failure = { _tag: 'NoSuchItem', what: 'content' }

/** PUT of a message's bytes by its sender: recipients are given the message once they are there. */
export const uploadMessageContent = (dependencies: ApiDependencies): Handle => {
  const { messages, mostContentBytes } = dependencies
  const places = makePlaces(uploadBounds)

  const upload = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const { request, response, actor } = call
    const announced = announcedBytes(call, mostContentBytes)
    if (E.isLeft(announced)) return announced
    const { type, digests } = announced.right
    const id = pathParameter(call, 'id')
    const path = `/messages/${id}/content`
    const requestWith = (bytes: Buffer) => writeRequestOf(dependencies, call, path, { bytes, json: {} })
    const acceptable = requestWith(Buffer.alloc(0))
    if (E.isLeft(acceptable)) return acceptable
    const check = digestCheck(digests)
    const outcome = await messages.storeContent<Failure>({
      id,
      sender: actor.id,
      contentType: type,
      limit: mostContentBytes,
      bytes: (async function* () {
        askForBody(request, response)
        for await (const piece of arriving(request, uploadTimes)) {
          check.update(piece)
          yield piece
        }
      })(),
      arrived: ({ sha256 }) => {
        // The rights may have changed while the bytes were under way.
        const arrived = requestWith(Buffer.from(`${type}\0${sha256}`))
        if (E.isLeft(arrived)) return arrived
        const errors = check.errors()
        return errors.length > 0 ? E.left(invalid(...errors)) : E.right(arrived.right.context)
      },
    })
    if (E.isRight(outcome)) {
      const content = { path, isNew: outcome.right.added }
      const answer = await messageAnswer(dependencies, call, outcome.right, content)
      // What is answered, and its ETag, are the message's (RFC 9110, section 8.7).
      return E.map((shown: Answer) => ({
        ...shown,
        headers: { ...shown.headers, 'Content-Location': `/messages/${id}` },
      }))(answer)
    }
    const failure = outcome.left
    return E.left(
      failure._tag === 'ContentCutShort' && failure.cause === tooSlow ? { _tag: 'TooSlow' } : failure,
    )
  }

  return async call => {
    const leave = await places.take(`${call.actor.kind}:${call.actor.id}`)
    if (leave === undefined) return E.left({ _tag: 'Busy' })
    try {
      return await upload(call)
    } finally {
      leave()
    }
  }
}

/** GET of a message's bytes, for its sender and its recipients. */
export const readMessageContent =
  ({ messages, messageBodies }: ApiDependencies): Handle =>
  async call => {
    const parameters = itemParametersOf(call.request.url, [])
    if (E.isLeft(parameters)) return parameters
    const folded = await messages.read(pathParameter(call, 'id'))
    if (E.isLeft(folded)) return folded
    const { state } = folded.right
    if (state.is === 'absent' || statesFor(call.actor.id, state, '') === undefined)
      return E.left(noSuchMessage)
    const { body, contentType } = state.envelope
    if (body === undefined) return E.left(noContent)
    const stream = await messageBodies.read(body)
    if (E.isLeft(stream)) return stream
    if (stream.right === undefined) return E.left({ _tag: 'Removed', what: 'content' })
    return E.right({
      status: 200,
      headers: {
        'Content-Type': contentType ?? 'application/octet-stream',
        'Content-Length': String(body.size),
        'Repr-Digest': `sha-256=:${Buffer.from(body.sha256, 'hex').toString('base64')}:`,
        'Content-Disposition': 'attachment',
        'Content-Security-Policy': "default-src 'none'; sandbox",
      },
      stream: stream.right,
      heldBytes: heldBytes(body.size),
    })
  }

/** What a stream of so many bytes holds in memory: a piece that is read, and one that is sent. */
const heldBytes = (size: number): number => Math.min(2 * size, 512 * 1024)
