import sharedPb from '@eventstore/db-client/generated/shared_pb.js'
import streamsPb from '@eventstore/db-client/generated/streams_pb.js'
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import type { Kept, Outcome } from './engine.ts'

const { AppendResp, ReadResp } = streamsPb
const { Empty, StreamIdentifier, UUID } = sharedPb

export type ReadAnswer = InstanceType<typeof ReadResp>
export type AppendAnswer = InstanceType<typeof AppendResp>

/** The stream that a request names. */
export const nameOf = (identifier: InstanceType<typeof StreamIdentifier> | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString()

/** How a call of the server fails; the client tells most kinds by the trailer `exception`. */
export const failure = (
  code: status,
  details: string,
  trailers: Readonly<Record<string, string>> = {},
): ServiceError => {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value)
  return Object.assign(new Error(details), { code, details, metadata })
}

export const failures = {
  handler: () => failure(status.UNKNOWN, 'Exception was thrown by handler.'),
  insideRecord: () => failure(status.UNKNOWN, 'Unexpected ReadAllResult: Error'),
  notReady: () => failure(status.UNAVAILABLE, 'Server Is Not Ready'),
  commitTimeout: () => failure(status.ABORTED, 'Operation timed out: Commit phase timeout'),
  lost: () => failure(status.UNAVAILABLE, 'Connection dropped'),
  shutdown: () => failure(status.INTERNAL, 'Received RST_STREAM with code 2 (Internal server error)'),
  cancelled: () => failure(status.CANCELLED, 'The operation was cancelled.'),
  tooSlow: () =>
    failure(
      status.ABORTED,
      'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
    ),
  deleted: (stream: string) =>
    failure(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
      exception: 'stream-deleted',
      'stream-name': stream,
    }),
  tooLarge: (most: number) =>
    failure(status.INVALID_ARGUMENT, `Maximum Append Size of ${most} Exceeded.`, {
      exception: 'maximum-append-size-exceeded',
      'maximum-append-size': String(most),
    }),
} as const

const ticksBeforeUnix = 621_355_968_000_000_000n

export const eventAnswer = (event: Kept): ReadAnswer => {
  const recorded = new ReadResp.ReadEvent.RecordedEvent()
  recorded.setId(new UUID().setString(event.id))
  recorded.setStreamIdentifier(new StreamIdentifier().setStreamName(Buffer.from(event.stream)))
  recorded.setStreamRevision(String(event.revision))
  recorded.setCommitPosition(String(event.position))
  recorded.setPreparePosition(String(event.position))
  recorded.setData(event.data)
  recorded.setCustomMetadata(event.metadata)
  const about = recorded.getMetadataMap()
  about.set('type', event.type)
  about.set('content-type', event.contentType)
  about.set('created', String(ticksBeforeUnix + BigInt(Date.now()) * 10_000n))
  const read = new ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(String(event.position))
  return new ReadResp().setEvent(read)
}

export const confirmation = (id: string): ReadAnswer =>
  new ReadResp().setConfirmation(new ReadResp.SubscriptionConfirmation().setSubscriptionId(id))

export const caughtUp = (): ReadAnswer => new ReadResp().setCaughtUp(new ReadResp.CaughtUp())

export const checkpoint = (position: bigint): ReadAnswer =>
  new ReadResp().setCheckpoint(
    new ReadResp.Checkpoint().setCommitPosition(String(position)).setPreparePosition(String(position)),
  )

export const streamNotFound = (stream: string): ReadAnswer =>
  new ReadResp().setStreamNotFound(
    new ReadResp.StreamNotFound().setStreamIdentifier(
      new StreamIdentifier().setStreamName(Buffer.from(stream)),
    ),
  )

export const appendAnswer = (outcome: Exclude<Outcome, { kind: 'deleted' }>): AppendAnswer => {
  if (outcome.kind === 'stored') {
    const position = new AppendResp.Position()
      .setCommitPosition(String(outcome.position))
      .setPreparePosition(String(outcome.position))
    return new AppendResp().setSuccess(
      new AppendResp.Success().setCurrentRevision(String(outcome.revision)).setPosition(position),
    )
  }
  const conflict = new AppendResp.WrongExpectedVersion()
  if (outcome.current === undefined) conflict.setCurrentNoStream(new Empty())
  else conflict.setCurrentRevision(String(outcome.current))
  return new AppendResp().setWrongExpectedVersion(conflict)
}
