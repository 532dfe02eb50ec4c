import { setImmediate as immediate } from 'node:timers/promises'
import type { AppendReq } from '@eventstore/db-client/generated/streams_pb.js'
import type { ServerReadableStream, sendUnaryData } from '@grpc/grpc-js'
import type { Engine, Expectation, Proposed } from './engine.ts'
import { type AppendAnswer, appendAnswer, failures, nameOf } from './messages.ts'

const mostBytes = 1_048_576
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const expectationOf = (options: AppendReq.Options | undefined): Expectation => {
  if (options?.hasNoStream()) return 'no stream'
  return options?.hasRevision() ? BigInt(options.getRevision()) : 'any'
}

const proposedOf = (request: AppendReq): Proposed => {
  const message = request.getProposedMessage()
  const about = message?.getMetadataMap()
  return {
    id: message?.getId()?.getString().toLowerCase() ?? '',
    type: about?.get('type') ?? '',
    contentType: about?.get('content-type') ?? '',
    data: message?.getData_asU8() ?? new Uint8Array(),
    metadata: message?.getCustomMetadata_asU8() ?? new Uint8Array(),
  }
}

export interface AppendFault {
  /** Whether it fails after it was stored. */
  readonly stores: boolean
  readonly error: Error
}

/**
 * The plain append of the server: what has come whole is stored, whether its caller waits or not. `fault` is waited
 * for before that, and may fail it.
 */
export const serveAppend = async (
  engine: Engine,
  call: ServerReadableStream<AppendReq, AppendAnswer>,
  answer: sendUnaryData<AppendAnswer>,
  fault: () => Promise<AppendFault | undefined>,
): Promise<void> => {
  let options: AppendReq.Options | undefined
  const events: Proposed[] = []
  try {
    for await (const request of call) {
      if (request.hasOptions()) options = request.getOptions()
      else events.push(proposedOf(request))
    }
    // A broken connection ends the requests like any other end; that it broke is known a little later.
    await immediate()
  } catch {
    return
  }
  if (call.cancelled) return
  const stream = nameOf(options?.getStreamIdentifier())
  if (!events.every(({ id }) => uuidForm.test(id))) return answer(failures.handler())
  // As the server counts: the metadata is not in it.
  if (events.reduce((sum, { data }) => sum + data.length, 0) > mostBytes)
    return answer(failures.tooLarge(mostBytes))
  const failing = await fault()
  if (failing !== undefined && !failing.stores) return answer(failing.error)
  const outcome = engine.append(stream, expectationOf(options), events)
  if (outcome.kind === 'deleted') return answer(failures.deleted(stream))
  if (failing !== undefined) return answer(failing.error)
  answer(null, appendAnswer(outcome))
}
