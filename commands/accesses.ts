import * as TE from '#fp/TaskEither'
import { type AccessEvent, type AccessState, accessDecider, accessStream } from '../domain/accesses.ts'
import type { CommandContext, CommandFailure, Handle, Outcome } from './handle.ts'

/**
 * Records a request for the audit or the event history, and gives the position of that event; what it asks for may be answered
 * once this has succeeded.
 */
export type RecordAccess = (
  access: AccessEvent,
  context: Pick<CommandContext, 'actor' | 'requestId' | 'commandId'>,
) => TE.TaskEither<CommandFailure, bigint>

export const accessRecorder =
  (handle: Handle): RecordAccess =>
  (access, context) =>
    TE.map(({ position = 0n }: Outcome<AccessState>) => position)(
      handle({
        stream: accessStream(context.commandId),
        decider: accessDecider,
        prepare: () => TE.right(access),
        conditional: false,
        context,
      }),
    )
