import { randomUUID } from 'node:crypto'
import { setImmediate as immediate } from 'node:timers/promises'
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js'
import type { ServerWritableStream } from '@grpc/grpc-js'
import type { Engine, Kept } from './engine.ts'
import {
  caughtUp,
  checkpoint,
  confirmation,
  eventAnswer,
  failures,
  nameOf,
  type ReadAnswer,
  streamNotFound,
} from './messages.ts'

export type ReadCall = ServerWritableStream<ReadReq, ReadAnswer>

const pageSize = 32
/** So many events of one append overrun the buffers of a live subscription, however fast its reader. */
const burst = 2 * pageSize

const backwards = 1

const readStream = (engine: Engine, call: ReadCall, options: ReadReq.Options): void => {
  const from = options.getStream()
  const name = nameOf(from?.getStreamIdentifier())
  if (engine.isTombstoned(name)) {
    call.emit('error', failures.deleted(name))
    return
  }
  const events = engine.streamOf(name)
  const count = Number(options.getCount())
  if (events.length === 0) call.write(streamNotFound(name))
  else if (options.getReadDirection() === backwards)
    for (const event of [...events].reverse().slice(0, count)) call.write(eventAnswer(event))
  else {
    const first = from?.hasRevision() ? BigInt(from.getRevision()) : 0n
    const wanted = events.filter(({ revision }) => revision >= first)
    for (const event of wanted.slice(0, count)) call.write(eventAnswer(event))
  }
  call.end()
}

const readAll = (engine: Engine, call: ReadCall, options: ReadReq.Options): void => {
  const position = options.getAll()?.getPosition()
  const from = position === undefined ? undefined : BigInt(position.getCommitPosition())
  const count = Number(options.getCount())
  const end = engine.all.at(-1)?.position ?? 0n
  if (options.getReadDirection() === backwards)
    for (const event of [...engine.all].reverse().slice(0, count)) call.write(eventAnswer(event))
  else if (from !== undefined && from <= end && !engine.all.some(event => event.position === from)) {
    call.emit('error', failures.insideRecord())
    return
  } else
    for (const event of engine.all.filter(event => event.position >= (from ?? 0n)).slice(0, count))
      call.write(eventAnswer(event))
  call.end()
}

const subscribe = async (engine: Engine, call: ReadCall, options: ReadReq.Options): Promise<void> => {
  const filter = options.getFilter()
  const prefixes = filter?.getStreamIdentifier()?.getPrefixList() ?? ['']
  const isWanted = ({ stream }: Kept) => prefixes.some(prefix => stream.startsWith(prefix))
  const each = (filter?.getMax() || pageSize) * (filter?.getCheckpointintervalmultiplier() || 1)
  const position = options.getAll()?.getPosition()
  let considered = 0
  let at = position === undefined ? -1n : BigInt(position.getCommitPosition())

  const give = (event: Kept): void => {
    at = event.position
    considered += 1
    if (isWanted(event)) call.write(eventAnswer(event))
    if (considered % each === 0) call.write(checkpoint(at))
  }

  call.write(confirmation(randomUUID()))
  const first = engine.all.findIndex(event => event.position > at)
  for (let i = first; first >= 0 && i < engine.all.length; ) {
    const page = engine.all.slice(i, i + pageSize)
    for (const event of page) give(event)
    i += page.length
    await immediate()
    if (call.cancelled) return
  }
  call.write(caughtUp())
  const silence = engine.listen(events => {
    const isTooMuch = events.filter(isWanted).length > burst
    for (const event of isTooMuch ? events.slice(0, pageSize) : events) give(event)
    if (isTooMuch) call.emit('error', failures.tooSlow())
  })
  for (const event of ['cancelled', 'close', 'error']) call.on(event, silence)
}

/** The reads and subscriptions of the server. */
export const serveRead = async (engine: Engine, call: ReadCall): Promise<void> => {
  const options = call.request.getOptions()
  if (options === undefined) call.emit('error', failures.handler())
  else if (options.hasSubscription()) await subscribe(engine, call, options)
  else if (options.hasStream()) readStream(engine, call, options)
  else readAll(engine, call, options)
}
