import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { EventLog } from '../../commands/event-log.ts'
import type { CommandContext } from '../../commands/handle.ts'
import type { RecordedEvent } from '../../domain/event.ts'
import type { LogFailure } from '../../domain/log-failure.ts'
import { type Identity, type Resource, streamOf } from '../../domain/resource.ts'
import { contextOfOperator } from '../operator.ts'

const mark = 'migrate-'

/** The operator's, in a request whose id tells later runs that it was one of theirs. */
export const contextOfMigration = (): CommandContext => ({
  ...contextOfOperator(),
  requestId: `${mark}${randomUUID()}`,
})

const isOfMigration = ({ metadata: { actor, requestId } }: RecordedEvent): boolean =>
  actor.kind === 'operator' && requestId.startsWith(mark)

/** Whether nobody but runs of `migrate` has made or changed an item: then it is as the original once had it. */
export const isUntouched = async (
  log: Pick<EventLog, 'read'>,
  resource: Resource,
  identity: Identity,
): Promise<E.Either<LogFailure, boolean>> => {
  const run = await log.read(streamOf(resource, identity))
  if (E.isLeft(run)) return run
  const { events, more } = run.right
  return E.right(!more && events.every(isOfMigration))
}
