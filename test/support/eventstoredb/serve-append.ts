import type { AppendReq } from '@eventstore/db-client/generated/streams_pb.js'
import type { sendUnaryData } from '@grpc/grpc-js'
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

/** The plain append of the server. `fault` may fail it, before or after it is stored. */
export const serveAppend = async (
  engine: Engine,
  requests: AsyncIterable<AppendReq>,
  answer: sendUnaryData<AppendAnswer>,
  fault: () => { readonly stores: boolean; readonly error: Error } | undefined,
): Promise<void> => {
  let options: AppendReq.Options | undefined
  const events: Proposed[] = []
  for await (const request of requests) {
    if (request.hasOptions()) options = request.getOptions()
    else events.push(proposedOf(request))
  }
  const stream = nameOf(options?.getStreamIdentifier())
  if (!events.every(({ id }) => uuidForm.test(id))) return answer(failures.handler())
  // As the server counts: the metadata is not in it.
  if (events.reduce((sum, { data }) => sum + data.length, 0) > mostBytes)
    return answer(failures.tooLarge(mostBytes))
  const failing = fault()
  if (failing !== undefined && !failing.stores) return answer(failing.error)
  const outcome = engine.append(stream, expectationOf(options), events)
  if (outcome.kind === 'deleted') return answer(failures.deleted(stream))
  if (failing !== undefined) return answer(failing.error)
  answer(null, appendAnswer(outcome))
}
