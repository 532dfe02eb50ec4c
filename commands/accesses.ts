import * as E from '#fp/Either'
import { type AccessEvent, accessDecider, accessStream } from '../domain/accesses.ts'
import type { CommandContext, CommandFailure, Handle } from './handle.ts'

/**
 * Records a request for the audit or the event history, and gives the position of that event; what it asks for may be answered
 * once this has succeeded.
 */
export type RecordAccess = (
  access: AccessEvent,
  context: Pick<CommandContext, 'actor' | 'requestId' | 'traceparent' | 'commandId'>,
) => Promise<E.Either<CommandFailure, bigint>>

export const accessRecorder =
  (handle: Handle): RecordAccess =>
  async (access, context) => {
    const recorded = await handle({
      stream: accessStream(context.commandId),
      decider: accessDecider,
      prepare: async () => E.right(access),
      conditional: false,
      context,
    })
    return E.isLeft(recorded) ? recorded : E.right(recorded.right.position ?? 0n)
  }
