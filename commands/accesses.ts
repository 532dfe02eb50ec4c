import * as TE from '#fp/TaskEither'
import { type AccessEvent, accessDecider, accessStream } from '../domain/accesses.ts'
import type { CommandContext, CommandFailure, Handle } from './handle.ts'

/** Records a request for the audit or the event history; what it asks for may be answered once this has succeeded. */
export type RecordAccess = (
  access: AccessEvent,
  context: Pick<CommandContext, 'actor' | 'requestId' | 'commandId'>,
) => TE.TaskEither<CommandFailure, void>

export const accessRecorder =
  (handle: Handle): RecordAccess =>
  (access, context) =>
    TE.map(() => undefined)(
      handle({
        stream: accessStream(context.commandId),
        decider: accessDecider,
        prepare: () => TE.right(access),
        conditional: false,
        context,
      }),
    )
