import * as E from '#fp/Either'
import { accessTable, assignRoles, itemPath, type Method, setPassword } from '../../auth/access-table.ts'
import type { Outcome } from '../../commands/handle.ts'
import type { ItemRequest, Sender } from '../../commands/item-requests.ts'
import { uuidOf } from '../../commands/uuid.ts'
import type { Confinement, ItemState } from '../../domain/item.ts'
import { invalidFields } from '../../domain/item-body.ts'
import { member } from '../../domain/json.ts'
import { people } from '../../domain/people.ts'
import { invalid } from '../../domain/rejection.ts'
import { type Identity, keyOf, type Resource, streamOf } from '../../domain/resource.ts'
import { subjectIn } from '../../domain/subject.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Answer } from '../http/answer.ts'
import type { Body } from '../http/body.ts'
import type { Call, Handle } from '../http/call.ts'
import { keysOfCollection, type WithKey, withoutClaim } from '../http/key-claims.ts'
import type { Failure } from '../http/problem.ts'
import { confinedBy, isPermitted, mayRead } from '../http/rights.ts'
import { itemAnswer, withoutState } from '../http/write-answers.ts'
import { type WriteRequest, type WriteSteps, writes } from '../http/write-request.ts'
import { badId, identityIn, noSuch, ownerIn } from './item-identity.ts'

/** A write to an item. */
interface Write extends WriteRequest {
  readonly identity: Identity
}

/** What a resource's routes do that change its items. */
export interface ItemWrites {
  /** POST to the collection: the body or the hub says which id. */
  readonly createIn: Handle
  readonly create: Handle
  readonly put: Handle
  readonly patch: Handle
  readonly remove: Handle
}

export const itemWrites = (resource: Resource, dependencies: ApiDependencies): ItemWrites => {
  const { acceptItem, policy } = dependencies
  const confinedTo = confinedBy(resource, policy)
  const claiming = keysOfCollection(dependencies)

  const isAllowed = (call: Call, method: Method): boolean =>
    isPermitted(policy, accessTable.get(itemPath(resource)), call, method)

  const confinementOf = (call: Call, { _tag }: ItemRequest): Confinement => {
    const creating = confinedTo(call, 'POST')
    if (_tag === 'Create') return { creating, seeing: creating }
    if (_tag === 'Put')
      return { creating, seeing: isAllowed(call, 'PATCH') ? confinedTo(call, 'PATCH') : creating }
    return { creating, seeing: confinedTo(call, _tag === 'Remove' ? 'DELETE' : 'PATCH') }
  }

  /** A refusal as far as the caller may know of the item that it comes from. */
  const shownTo = (call: Call, state: ItemState, failure: Failure, sent: Body): Failure =>
    state.is === 'absent' || mayRead(resource, policy, call, subjectIn(resource, state))
      ? failure
      : withoutState(failure, sent.json)

  const answerOf = async (
    { call, identity }: Write,
    outcome: E.Either<Failure, Outcome<ItemState>>,
    seeing?: string,
  ): Promise<E.Either<Failure, Answer>> => {
    if (E.isLeft(outcome)) return outcome
    // A key gives the first outcome again, also to whoever may see less by now.
    if (seeing !== undefined && subjectIn(resource, outcome.right.state) !== seeing)
      return E.left(noSuch(resource))
    return E.right(await itemAnswer(dependencies, call, resource, identity, outcome.right))
  }

  const senderOf = ({ principal }: Call): Sender => ({
    rights: {
      roles: policy.permits(principal, assignRoles, undefined),
      password: policy.permits(principal, setPassword, undefined),
    },
    knownRoles: policy.roleNames,
    takesHashes: principal.kind === 'person' && principal.roles.includes('root'),
  })

  const run = async (
    write: Write,
    request: ItemRequest,
    withKey: WithKey = withoutClaim,
  ): Promise<E.Either<Failure, Answer>> => {
    const { call, identity, sent, context, preconditions } = write
    const accepted = acceptItem(resource, identity, request, senderOf(call))
    if (E.isLeft(accepted)) return accepted
    const confinement = confinementOf(call, request)
    let decidedOn: ItemState = { is: 'absent' }
    const onRead = (state: ItemState): void => {
      decidedOn = state
    }
    const outcome = await withKey(streamOf(resource, identity), context, claim =>
      accepted.right({ preconditions, confinement, context, claim, onRead }),
    )
    return answerOf(
      write,
      E.mapLeft((failure: Failure) => shownTo(call, decidedOn, failure, sent))(outcome),
      confinement.seeing,
    )
  }

  /** No item can be called so: what else is wrong with the request comes first. */
  const noIdentity = ({ call, sent }: WriteRequest, creates: boolean): E.Either<Failure, never> => {
    const errors = invalidFields(resource, sent.json)
    const hasOwner = ownerIn(resource, call) !== null
    if (creates)
      return E.left(
        invalid(
          hasOwner
            ? { pointer: '/id', detail: `must be ${resource.idRule}` }
            : { pointer: '/book', detail: `must be ${people.idRule}` },
          ...errors,
        ),
      )
    return E.left(errors.length > 0 ? invalid(...errors) : noSuch(hasOwner ? resource : people))
  }

  /** A write to the item that the path names; an id that cannot be is 404, or 422 where it would be created. */
  const onItem = (
    creates: boolean,
    work: (write: Write) => Promise<E.Either<Failure, Answer>>,
    body: WriteSteps['body'] = 'json',
  ): Handle =>
    writes(dependencies, {
      body,
      keyPath: call => {
        const identity = identityIn(resource, call)
        return identity === undefined ? call.request.path : `/${resource.name}/${keyOf(identity)}`
      },
      run: async request => {
        const identity = identityIn(resource, request.call)
        return identity === undefined ? noIdentity(request, creates) : work({ ...request, identity })
      },
    })

  const createIn: Handle = writes(dependencies, {
    body: 'json',
    keyPath: call => {
      const owner = ownerIn(resource, call)
      return owner === undefined ? `/${resource.name}` : `/${resource.name}/${owner}`
    },
    run: async request => {
      const { call, sent, context } = request
      const owner = ownerIn(resource, call)
      if (owner === null) return E.left(badId(people, '/book'))
      const idInBody = member(sent.json, 'id') ?? null
      if (idInBody === null && !resource.makesIds)
        return E.left(invalid({ pointer: '/id', detail: 'must be given' }))
      // An id the hub chooses comes from the command's, so that a repeat finds its stream.
      const id =
        idInBody === null
          ? uuidOf('id', context.commandId)
          : typeof idInBody === 'string'
            ? resource.parseId(idInBody)
            : undefined
      if (id === undefined) return E.left(badId(resource, '/id'))
      const identity = owner === undefined ? { id } : { owner, id }
      return run({ ...request, identity }, { _tag: 'Create', sent: request.sent }, claiming)
    },
  })

  return {
    createIn,
    create: onItem(true, write => run(write, { _tag: 'Create', sent: write.sent })),
    put: onItem(true, write =>
      run(write, {
        _tag: 'Put',
        sent: write.sent,
        mayCreate: isAllowed(write.call, 'POST'),
        mayReplace: isAllowed(write.call, 'PATCH'),
      }),
    ),
    patch: onItem(false, write => run(write, { _tag: 'Patch', sent: write.sent })),
    remove: onItem(false, write => run(write, { _tag: 'Remove' }), 'none'),
  }
}
