import * as E from '#fp/Either'
import { accessTable, itemPath, type Method } from '../../auth/access-table.ts'
import type { ContentCommand } from '../../commands/content.ts'
import type { Outcome } from '../../commands/handle.ts'
import type { ItemState } from '../../domain/item.ts'
import { invalid } from '../../domain/rejection.ts'
import { type Identity, pathOf, type Resource } from '../../domain/resource.ts'
import { subjectIn } from '../../domain/subject.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Answer } from '../http/answer.ts'
import type { Call, Handle } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { confinedBy, isPermitted } from '../http/rights.ts'
import { askForBody } from '../http/unread.ts'
import { shownOf, writeAnswer } from '../http/write-answers.ts'
import { writeRequestOf } from '../http/write-request.ts'
import { badId, identityIn, noSuch } from '../resources/item-identity.ts'
import { announcedBytes } from './announced-bytes.ts'
import { digestCheck } from './digests.ts'
import { arriving, makePlaces, tooSlow, uploadBounds, uploadTimes } from './uploads.ts'

/** PUT of an item's content: refused before it is read where that can be, then taken in as it comes. */
export const uploadContent = (resource: Resource, dependencies: ApiDependencies): Handle => {
  const { policy, writeContent, mostContentBytes } = dependencies
  const confinedTo = confinedBy(resource, policy)
  const places = makePlaces(uploadBounds)

  const rightsOf = (call: Call) => {
    const isAllowed = (method: Method) =>
      isPermitted(policy, accessTable.get(itemPath(resource)), call, method)
    const [mayAdd, mayReplace] = [isAllowed('POST'), isAllowed('PATCH')]
    const person = confinedTo(call, mayReplace ? 'PATCH' : 'POST')
    return { mayAdd, mayReplace, confinement: { creating: person, seeing: person } }
  }

  const upload = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const { request, response } = call
    const announcement = announcedBytes(call, mostContentBytes)
    if (E.isLeft(announcement)) return announcement
    const identity = identityIn(resource, call)
    if (identity === undefined) return E.left(badId(resource, '/id'))
    const { type, digests } = announcement.right
    const path = `${pathOf(resource, identity)}/content`
    const requestWith = (bytes: Buffer) => writeRequestOf(dependencies, call, path, { bytes, json: {} })
    const announced = requestWith(Buffer.alloc(0))
    if (E.isLeft(announced)) return announced
    const { ifNoneMatch, ...preconditions } = announced.right.preconditions
    const onlyNew = ifNoneMatch === '*'
    const commandOf = (by: Call): ContentCommand => ({
      ...rightsOf(by),
      onlyNew,
      preconditions: ifNoneMatch === undefined || onlyNew ? preconditions : { ...preconditions, ifNoneMatch },
    })
    const check = digestCheck(digests)
    let uploader = call
    const outcome = await writeContent<Failure>({
      resource,
      identity,
      command: commandOf(call),
      conditional: announced.right.conditional,
      commandId: announced.right.context.commandId,
      type,
      limit: mostContentBytes,
      bytes: async function* () {
        askForBody(request, response)
        for await (const piece of arriving(request, uploadTimes)) {
          check.update(piece)
          yield piece
        }
      },
      arrived: ({ sha256 }) => {
        // The rights may have changed while the bytes were under way.
        const arrived = requestWith(Buffer.from(`${type}\0${sha256}`))
        if (E.isLeft(arrived)) return arrived
        const errors = check.errors()
        if (errors.length > 0) return E.left(invalid(...errors))
        uploader = arrived.right.call
        return E.right({ command: commandOf(uploader), context: arrived.right.context })
      },
    })
    if (E.isRight(outcome)) {
      const { seeing } = rightsOf(uploader).confinement
      // A key gives the first outcome again, also to whoever may see less by now.
      return seeing !== undefined && subjectIn(resource, outcome.right.state) !== seeing
        ? E.left(noSuch(resource))
        : E.right(await uploaded(uploader, identity, path, outcome.right))
    }
    const failure = outcome.left
    return E.left(
      failure._tag === 'ContentCutShort' && failure.cause === tooSlow ? { _tag: 'TooSlow' } : failure,
    )
  }

  const uploaded = async (
    call: Call,
    identity: Identity,
    path: string,
    outcome: Outcome<ItemState>,
  ): Promise<Answer> => {
    const { state, revision } = outcome
    const answer = await writeAnswer(dependencies, call, outcome, {
      model: resource.name,
      path,
      shows: shownOf(dependencies, call, resource, state),
      isNew: state.is === 'present' && state.contentSince === revision,
    })
    // What is answered, and its ETag, are the document's (RFC 9110, section 8.7).
    return { ...answer, headers: { ...answer.headers, 'Content-Location': pathOf(resource, identity) } }
  }

  return async call => {
    const leave = await places.take(`${call.actor.kind}:${call.actor.id}`)
    if (leave === undefined) return E.left({ _tag: 'Busy' })
    try {
      return await upload(call)
    } finally {
      leave()
    }
  }
}
