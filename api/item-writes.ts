import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import { accessTable, assignRoles, itemPath, type Method, setPassword } from '../auth/access-table.ts'
import type { CommandContext } from '../commands/handle.ts'
import { uuidOf } from '../commands/uuid.ts'
import type { Confinement, ItemCommand, Preconditions } from '../domain/item.ts'
import { invalidFields, invalidParts } from '../domain/item-body.ts'
import { member } from '../domain/json.ts'
import { people } from '../domain/people.ts'
import { invalid } from '../domain/rejection.ts'
import { type Identity, keyOf, type Resource, streamOf } from '../domain/resource.ts'
import { subjectIn } from '../domain/subject.ts'
import type { Answer } from './answer.ts'
import { type Body, readBody } from './body.ts'
import type { Call, Handle } from './call.ts'
import { preconditionsOf } from './conditional.ts'
import { type Creating, type Creator, creationOf } from './creation.ts'
import type { ApiDependencies } from './dependencies.ts'
import { badId, identityIn, noSuch, ownerIn } from './item-identity.ts'
import type { Failure } from './problem.ts'
import { confinedBy, isPermitted } from './rights.ts'
import { contextOf, itemAnswer, keyIsFor } from './writing.ts'

/** What a write works with once its request is known to be good. */
export interface Write {
  readonly call: Call
  readonly resource: Resource
  readonly identity: Identity
  readonly preconditions: Preconditions
  readonly conditional: boolean
  readonly context: CommandContext
}

const nobodySpecial: Creator = {
  rights: { roles: false, password: false },
  knownRoles: [],
  takesHashes: false,
}

const noBody: Body = { bytes: Buffer.alloc(0), json: {} }

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
  const { writeItem, policy } = dependencies
  const confinedTo = confinedBy(resource, policy)

  const may = (call: Call, method: Method): boolean =>
    isPermitted(policy, accessTable.get(itemPath(resource)), call, method)

  const confinementOf = (call: Call, { _tag }: ItemCommand): Confinement => {
    const creating = confinedTo(call, 'POST')
    if (_tag === 'Create') return { creating, seeing: creating }
    if (_tag === 'Put') return { creating, seeing: may(call, 'PATCH') ? confinedTo(call, 'PATCH') : creating }
    return { creating, seeing: confinedTo(call, _tag === 'Remove' ? 'DELETE' : 'PATCH') }
  }

  const conditionsOf = (call: Call) => {
    const preconditions = preconditionsOf(call.request.headers)
    return { preconditions, conditional: Object.keys(preconditions).length > 0 }
  }

  const writeOf = (call: Call, identity: Identity, context: CommandContext): Write => ({
    call,
    resource,
    identity,
    ...conditionsOf(call),
    context,
  })

  const run = async (write: Write, command: ItemCommand): Promise<E.Either<Failure, Answer>> => {
    const { call, identity, conditional, context } = write
    const confinement = confinementOf(call, command)
    const prepare = () => async () => E.right({ ...command, confinement })
    const outcome = await writeItem({ resource, identity, prepare, conditional, context })()
    if (E.isLeft(outcome)) return outcome
    // A key gives the first outcome again, also to whoever may see less by now.
    const { seeing } = confinement
    if (seeing !== undefined && subjectIn(resource, outcome.right.state) !== seeing)
      return E.left(noSuch(resource))
    return E.right(await itemAnswer(dependencies, call, resource, identity, outcome.right))
  }

  const creatorOf = ({ principal }: Call): Creator =>
    resource === people
      ? {
          rights: {
            roles: policy.permits(principal, assignRoles, undefined),
            password: policy.permits(principal, setPassword, undefined),
          },
          knownRoles: policy.roleNames,
          takesHashes: principal.kind === 'person' && principal.roles.includes('root'),
        }
      : nobodySpecial

  /** Runs a creation or a PUT. */
  const put = async (write: Write, sent: Body, creating: Creating): Promise<E.Either<Failure, Answer>> => {
    const { call, identity, preconditions } = write
    const creator = creatorOf(call)
    const creation = creationOf(resource, identity, sent, creator, creating, preconditions)
    if (E.isLeft(creation)) return creation
    const { command, password } = creation.right
    if (resource !== people) return run(write, command({ is: 'none' }))
    const outcome = await dependencies.people.create(write, command, password, creator.rights.password)()
    return E.isLeft(outcome)
      ? outcome
      : E.right(await itemAnswer(dependencies, call, people, identity, outcome.right))
  }

  const withBody =
    (work: (sent: Body) => Promise<E.Either<Failure, Answer>>) =>
    (call: Call): TaskEither<Failure, Answer> =>
    async () => {
      const sent = await readBody(call)
      return E.isLeft(sent) ? sent : work(sent.right)
    }

  /** No item can be called so: what else is wrong with the request comes first. */
  const noIdentity = (call: Call, creates: boolean, sent: Body): E.Either<Failure, never> => {
    const context = contextOf(dependencies, call, call.request.path, sent)
    if (E.isLeft(context)) return context
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
    call: Call,
    creates: boolean,
    work: (write: Write, sent: Body) => Promise<E.Either<Failure, Answer>>,
  ): TaskEither<Failure, Answer> =>
    withBody(async sent => {
      const identity = identityIn(resource, call)
      if (identity === undefined) return noIdentity(call, creates, sent)
      const context = contextOf(dependencies, call, `/${resource.name}/${keyOf(identity)}`, sent)
      return E.isLeft(context) ? context : work(writeOf(call, identity, context.right), sent)
    })(call)

  const createIn = (call: Call): TaskEither<Failure, Answer> =>
    withBody(async sent => {
      const owner = ownerIn(resource, call)
      if (owner === null) return E.left(badId(people, '/book'))
      const path = owner === undefined ? `/${resource.name}` : `/${resource.name}/${owner}`
      const context = contextOf(dependencies, call, path, sent)
      if (E.isLeft(context)) return context
      const said = member(sent.json, 'id') ?? null
      if (said === null && !resource.makesIds)
        return E.left(invalid({ pointer: '/id', detail: 'must be given' }))
      // An id the hub chooses comes from the command's, so that a repeat finds its stream.
      const id =
        said === null
          ? uuidOf('id', context.right.commandId)
          : typeof said === 'string'
            ? resource.parseId(said)
            : undefined
      if (id === undefined) return E.left(badId(resource, '/id'))
      const identity = owner === undefined ? { id } : { owner, id }
      const key = await keyIsFor(dependencies, streamOf(resource, identity), context.right)
      if (E.isLeft(key)) return key
      return put(writeOf(call, identity, context.right), sent, { _tag: 'Create' })
    })(call)

  const patchOne = (call: Call): TaskEither<Failure, Answer> =>
    onItem(call, false, async (write, sent) => {
      const errors = invalidParts(resource, write.identity, sent.json, true)
      if (errors.length > 0) return E.left(invalid(...errors))
      return run(write, { _tag: 'Patch', patch: sent.json, preconditions: write.preconditions })
    })

  const putOne = (call: Call): TaskEither<Failure, Answer> =>
    onItem(call, true, (write, sent) =>
      put(write, sent, { _tag: 'Put', mayCreate: may(call, 'POST'), mayReplace: may(call, 'PATCH') }),
    )

  const removeOne =
    (call: Call): TaskEither<Failure, Answer> =>
    async () => {
      const identity = identityIn(resource, call)
      if (identity === undefined) return noIdentity(call, false, noBody)
      const context = contextOf(dependencies, call, `/${resource.name}/${keyOf(identity)}`, noBody)
      if (E.isLeft(context)) return context
      const write = writeOf(call, identity, context.right)
      return run(write, { _tag: 'Remove', preconditions: write.preconditions })
    }

  return {
    createIn,
    create: call => onItem(call, true, (write, sent) => put(write, sent, { _tag: 'Create' })),
    put: putOne,
    patch: patchOne,
    remove: removeOne,
  }
}
