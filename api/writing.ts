import { createHmac, randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { CommandContext, Outcome } from '../commands/handle.ts'
import { uuidOf } from '../commands/uuid.ts'
import { parseInstant } from '../domain/instant.ts'
import type { ItemState } from '../domain/item.ts'
import { isObject, type JsonObject, jsonText, member } from '../domain/json.ts'
import { formatPosition } from '../domain/position.ts'
import { invalid, type Rejection } from '../domain/rejection.ts'
import { type Identity, pathOf, type Resource } from '../domain/resource.ts'
import { type Answer, jsonAnswer } from './answer.ts'
import type { Call } from './call.ts'
import { etagOf } from './conditional.ts'
import type { ApiDependencies } from './dependencies.ts'
import type { Failure } from './problem.ts'

const waitMilliseconds = 1_000

const timestampIn = (body: JsonObject, field: string): string | undefined => {
  const info = member(body, field)
  const timestamp = isObject(info) ? member(info, 'timestamp') : undefined
  return typeof timestamp === 'string' ? parseInstant(timestamp) : undefined
}

/** When the sender says it happened: `modification_info.timestamp`, else `creation_info.timestamp`. */
export const occurredAtOf = (body: JsonObject): string | undefined => {
  const instant = timestampIn(body, 'modification_info') ?? timestampIn(body, 'creation_info')
  return instant === undefined ? undefined : `${instant}Z`
}

/**
 * The command's context. With an `Idempotency-Key` the command id comes from caller, path and key, so that a repeat
 * is recognised in the stream; without one it is fresh.
 */
export const contextOf = (
  { fingerprintKey }: Pick<ApiDependencies, 'fingerprintKey'>,
  { request, actor, requestId }: Call,
  path: string,
  sent: { readonly bytes: Buffer; readonly json: JsonObject },
): E.Either<Rejection, CommandContext> => {
  const key = request.headers['idempotency-key']
  const occurredAt = occurredAtOf(sent.json)
  const base = { actor, requestId, ...(occurredAt === undefined ? {} : { occurredAt }) }
  if (key === undefined) return E.right({ ...base, commandId: randomUUID() })
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(key))
    return E.left(invalid({ header: 'Idempotency-Key', detail: 'must be 1 to 128 visible ASCII characters' }))
  const fingerprint = createHmac('sha256', fingerprintKey)
    .update(`${request.method}\0`)
    .update(sent.bytes)
    .digest('base64')
  return E.right({ ...base, commandId: uuidOf(actor.kind, actor.id, path, key), fingerprint })
}

/**
 * Refuses a key of a collection that was first used for another thing. There the body says which one is meant, so that
 * its stream alone cannot tell: what a key was first used for is kept, unless that request added nothing.
 */
export const keyIsFor = async (
  { claim, wasHandled }: Pick<ApiDependencies, 'claim' | 'wasHandled'>,
  stream: string,
  { commandId, fingerprint }: CommandContext,
): Promise<E.Either<Failure, void>> => {
  if (fingerprint === undefined) return E.right(undefined)
  const claimed = await claim(commandId, stream)()
  if (E.isLeft(claimed)) return claimed
  if (claimed.right === stream) return E.right(undefined)
  const handled = await wasHandled(claimed.right, commandId)()
  if (E.isLeft(handled)) return handled
  if (handled.right) return E.left({ _tag: 'KeyUsedForAnotherRequest' })
  return E.map(() => undefined)(await claim(commandId, stream, claimed.right)())
}

const prefers = (header: string | readonly string[] | undefined, preference: string): boolean =>
  header !== undefined &&
  String(header)
    .toLowerCase()
    .split(/[,;]/)
    .some(part => part.trim().replaceAll('"', '') === preference)

/** What a write's answer shows: where the thing is, which read model serves it, and its text, or none once removed. */
export interface Written {
  readonly model: string
  readonly path: string
  readonly text: string | undefined
  /** Whether this write made what is at the path; without, whether it began the stream. */
  readonly isNew?: boolean
  /** The text holds a secret: it is always answered, and kept nowhere. */
  readonly isSecret?: boolean
}

/** The answer of a write, once the read side has it or a second has passed. */
export const writeAnswer = async (
  { progress, logIdentity }: Pick<ApiDependencies, 'progress' | 'logIdentity'>,
  { request }: Call,
  { added, before, revision, position }: Omit<Outcome<unknown>, 'state'>,
  { model, path, text, isNew = before === -1, isSecret = false }: Written,
): Promise<Answer> => {
  const headers: Record<string, string> = isSecret ? { 'Cache-Control': 'no-store' } : {}
  if (position !== undefined) {
    headers['Thalamus-Position'] = formatPosition(logIdentity, position)
    if (!prefers(request.headers.prefer, 'respond-async'))
      await progress.reached(model, position, waitMilliseconds)
  }
  if (text === undefined) return { status: 204, headers }
  headers.ETag = etagOf(revision)
  const created = added && isNew
  if (created) headers.Location = path
  if (!isSecret && prefers(request.headers.prefer, 'return=minimal')) {
    headers['Preference-Applied'] = 'return=minimal'
    return { status: created ? 201 : 204, headers }
  }
  return jsonAnswer(created ? 201 : 200, text, headers)
}

/** The answer of a write to an item: the item as it is now. */
export const itemAnswer = (
  dependencies: Pick<ApiDependencies, 'progress' | 'logIdentity'>,
  call: Call,
  resource: Resource,
  identity: Identity,
  outcome: Outcome<ItemState>,
  shows: 'item' | 'nothing' = 'item',
): Promise<Answer> => {
  const { state } = outcome
  return writeAnswer(dependencies, call, outcome, {
    model: resource.name,
    path: pathOf(resource, identity),
    text: state.is === 'present' && shows === 'item' ? jsonText(state.item) : undefined,
  })
}
