import * as E from '#fp/Either'
import type { Actor } from '../domain/event.ts'
import {
  type Confinement,
  exceedsItemLimit,
  type ItemCommand,
  type ItemState,
  type Preconditions,
} from '../domain/item.ts'
import { invalidParts, itemOf, occurredAtOf } from '../domain/item-body.ts'
import { itemDecider } from '../domain/item-decider.ts'
import { type Json, type JsonObject, member, withoutMembers } from '../domain/json.ts'
import type { Registrar, Registration } from '../domain/person-rules.ts'
import { type InvalidPart, invalid, type Rejection } from '../domain/rejection.ts'
import type { Identity, Resource } from '../domain/resource.ts'
import type { CommandContext, CommandFailure, Outcome } from './handle.ts'
import type { PrepareItemCommand, WriteItem } from './items.ts'

/** A body as it came. */
export interface SentBody {
  readonly bytes: Uint8Array
  readonly json: JsonObject
}

/** Whether only a new item will do, or one that is there may be replaced. */
export type CreationRequest = { readonly sent: SentBody } & (
  | { readonly _tag: 'Create' }
  | { readonly _tag: 'Put'; readonly mayCreate: boolean; readonly mayReplace: boolean }
)

/** What is asked of an item. */
export type ItemRequest =
  | CreationRequest
  | { readonly _tag: 'Patch'; readonly sent: SentBody }
  | { readonly _tag: 'Remove' }

/** Who sends a body, as far as it counts for what the body may hold. */
export interface Sender extends Registrar {
  /** A bcrypt hash is taken as a password. */
  readonly takesHashes: boolean
}

/** Whose secret it is, with the item as it is, and who brings it. */
export interface SecretOf {
  readonly identity: Identity
  readonly state: ItemState
  readonly actor: Actor
}

/**
 * Takes the secret of a creating body: what is wrong with it by itself, or what the command says of it, made with a look at
 * the item as it is.
 */
export type TakeSecret<Failure> = (
  secret: Json | undefined,
  sender: Sender,
) => E.Either<InvalidPart, (of: SecretOf) => Promise<E.Either<Failure, Registration>>>

/** What a request is run with. */
export interface ItemRun<Failure> {
  readonly preconditions: Preconditions
  readonly confinement?: Confinement
  /** When it happened, the body tells. */
  readonly context: Omit<CommandContext, 'occurredAt'>
  /** Asked right before events are appended: whether this request has its `Idempotency-Key`. */
  readonly claim?: (() => Promise<E.Either<CommandFailure | Failure, void>>) | undefined
  /** Told of the item before it is decided on. */
  readonly onRead?: (state: ItemState) => void
}

export type RunItem<Failure> = (
  run: ItemRun<Failure>,
) => Promise<E.Either<CommandFailure | Failure, Outcome<ItemState>>>

/** What is wrong with a request by itself, before the item is looked at; or how to run it. */
export type AcceptItem<Failure> = (
  resource: Resource,
  identity: Identity,
  request: ItemRequest,
  sender: Sender,
) => E.Either<Rejection, RunItem<Failure>>

/** The command, once it is known what the request is run with. */
type Prepared<Failure> = (
  run: Pick<ItemRun<Failure>, 'preconditions' | 'context'>,
) => PrepareItemCommand<Failure>

/** Bytes of a body that no spelling of numbers makes an item of more than 900 KiB from. */
const neverTooLarge = 100 * 1024

/** The body of a creation that is good, without its secret. */
export const creatingBody = (
  resource: Resource,
  identity: Identity,
  { bytes, json }: SentBody,
): E.Either<Rejection, JsonObject> => {
  const errors = invalidParts(resource, identity, json, false)
  if (errors.length > 0) return E.left(invalid(...errors))
  const { secretField } = resource
  const body = secretField === undefined ? json : withoutMembers(json, [secretField])
  return bytes.length > neverTooLarge && exceedsItemLimit(itemOf(resource, identity, body))
    ? E.left({ _tag: 'ItemTooLarge' })
    : E.right(body)
}

/** The only way from a body to a command about an item: everything that makes a body good is looked at here. */
export const itemRequests = <Failure>(
  writeItem: WriteItem,
  takeSecret: TakeSecret<Failure>,
): AcceptItem<Failure> => {
  const creation = (
    resource: Resource,
    identity: Identity,
    request: CreationRequest,
    sender: Sender,
  ): E.Either<Rejection, Prepared<Failure>> => {
    const { sent, ...creating } = request
    const { secretField } = resource
    const body = creatingBody(resource, identity, sent)
    if (E.isLeft(body)) return body
    const command = { ...creating, body: body.right }
    if (secretField === undefined)
      return E.right(
        ({ preconditions }) =>
          async () =>
            E.right({ ...command, preconditions }),
      )
    const taken = takeSecret(member(sent.json, secretField), sender)
    if (E.isLeft(taken)) return E.left(invalid(taken.left))
    return E.right(
      ({ preconditions, context: { actor } }) =>
        async state =>
          E.map(
            (registration: Registration): ItemCommand => ({ ...command, ...registration, preconditions }),
          )(await taken.right({ identity, state, actor })),
    )
  }

  const change = (
    resource: Resource,
    identity: Identity,
    request: Exclude<ItemRequest, CreationRequest>,
  ): E.Either<Rejection, Prepared<Failure>> => {
    if (request._tag === 'Remove')
      return E.right(
        ({ preconditions }) =>
          async () =>
            E.right({ _tag: 'Remove', preconditions }),
      )
    const { json } = request.sent
    const errors = invalidParts(resource, identity, json, true)
    return errors.length > 0
      ? E.left(invalid(...errors))
      : E.right(
          ({ preconditions }) =>
            async () =>
              E.right({ _tag: 'Patch', patch: json, preconditions }),
        )
  }

  return (resource, identity, request, sender) => {
    const prepared =
      request._tag === 'Create' || request._tag === 'Put'
        ? creation(resource, identity, request, sender)
        : change(resource, identity, request)
    if (E.isLeft(prepared)) return prepared
    const occurredAt = 'sent' in request ? occurredAtOf(request.sent.json) : undefined
    return E.right(run => {
      const { preconditions, confinement, context, claim, onRead } = run
      const prepare = prepared.right(run)
      return writeItem<Failure>({
        resource,
        identity,
        decider: itemDecider(resource, identity),
        conditional: Object.keys(preconditions).length > 0,
        context: occurredAt === undefined ? context : { ...context, occurredAt },
        claim,
        prepare: async state => {
          onRead?.(state)
          const command = await prepare(state)
          return confinement === undefined
            ? command
            : E.map((one: ItemCommand): ItemCommand => ({ ...one, confinement }))(command)
        },
      })
    })
  }
}
