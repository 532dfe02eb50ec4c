import { createHmac, randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { CommandContext } from '../../commands/handle.ts'
import { uuidOf } from '../../commands/uuid.ts'
import type { Preconditions } from '../../domain/item.ts'
import { invalid, type Rejection } from '../../domain/rejection.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Answer } from './answer.ts'
import { type Body, readBody, readForm, readMessage, readNothing } from './body.ts'
import { type Call, type Handle, originOf } from './call.ts'
import { preconditionsOf } from './conditional.ts'
import type { Failure } from './problem.ts'

/**
 * The command's context. With an `Idempotency-Key` the command id comes from caller, path and key, so that a repeat
 * is recognised in the stream; without one it is fresh.
 */
const contextOf = (
  { fingerprintKey }: Pick<ApiDependencies, 'fingerprintKey'>,
  call: Call,
  keyPath: string,
  sent: Body,
): E.Either<Rejection, CommandContext> => {
  const { request, actor } = call
  const key = request.headers['idempotency-key']
  const base = originOf(call)
  if (key === undefined) return E.right({ ...base, commandId: randomUUID() })
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(key))
    return E.left(invalid({ header: 'Idempotency-Key', detail: 'must be 1 to 128 visible ASCII characters' }))
  const fingerprint = createHmac('sha256', fingerprintKey)
    .update(`${request.method}\0`)
    .update(sent.bytes)
    .digest('base64')
  return E.right({ ...base, commandId: uuidOf(actor.kind, actor.id, keyPath, key), fingerprint })
}

/** A write whose body is there. */
export interface WriteRequest {
  /** With the rights that the caller has now that the body is there. */
  readonly call: Call
  readonly sent: Body
  readonly preconditions: Preconditions
  /** The caller named the revision it means. */
  readonly conditional: boolean
  readonly context: CommandContext
}

/**
 * The only way to the context of a command: it asks again who may, because a body may have been under way for long.
 * `keyPath` is the path that an `Idempotency-Key` counts for, the same for every spelling of it.
 */
export const writeRequestOf = (
  dependencies: Pick<ApiDependencies, 'fingerprintKey'>,
  before: Call,
  keyPath: string,
  sent: Body,
): E.Either<Failure, WriteRequest> => {
  const call = before.renewed()
  if (E.isLeft(call)) return call
  const context = contextOf(dependencies, call.right, keyPath, sent)
  if (E.isLeft(context)) return context
  const preconditions = preconditionsOf(before.request.headers)
  const conditional = Object.keys(preconditions).length > 0
  return E.right({ call: call.right, sent, preconditions, conditional, context: context.right })
}

const noBody: Body = { bytes: Buffer.alloc(0), json: {} }

const readings = {
  json: (call: Call) => readBody(call),
  message: readMessage,
  form: readForm,
  /** Nobody looks into it. */
  unread: readNothing,
  none: async () => E.right(noBody),
}

/** What a family of writes does: how its body is read, what its keys count for, and the command with its answer. */
export interface WriteSteps {
  readonly body: keyof typeof readings
  readonly keyPath: (call: Call) => string
  readonly run: (request: WriteRequest) => Promise<E.Either<Failure, Answer>>
}

/** Handles a write: reads the body, asks again who may, and runs the command. */
export const writes =
  (dependencies: Pick<ApiDependencies, 'fingerprintKey'>, { body, keyPath, run }: WriteSteps): Handle =>
  async call => {
    const sent = await readings[body](call)
    if (E.isLeft(sent)) return sent
    const request = writeRequestOf(dependencies, call, keyPath(call), sent.right)
    return E.isLeft(request) ? request : run(request.right)
  }
