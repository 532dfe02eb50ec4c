import * as E from '#fp/Either'
import { jsonText } from '../../domain/json.ts'
import { people } from '../../domain/people.ts'
import { invalid } from '../../domain/rejection.ts'
import { keyOf, type Resource } from '../../domain/resource.ts'
import { type Place, versionAt } from '../../projections/past.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import type { Call } from '../http/call.ts'
import { etagOf, isCurrent } from '../http/conditional.ts'
import { itemParametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import { confinedInHistory } from '../http/rights.ts'
import { identityIn, noSuch } from '../resources/item-identity.ts'
import { asOfProblem, mementoHeaders, parseTime, placeAsOf } from './place.ts'

/** Whether there was such a person at a place of the history: 404 or 410 where not. */
export const personWasThere = async (
  { readModels }: Pick<ApiDependencies, 'readModels'>,
  person: string,
  place: Place,
): Promise<E.Either<Failure, void>> => {
  const version = await versionAt(readModels, people.name, person, place)
  if (E.isLeft(version)) return version
  if (version.right === undefined) return E.left(noSuch(people))
  if (version.right.erased) return E.left({ _tag: 'Erased' })
  return version.right.item === undefined
    ? E.left({ _tag: 'Removed', what: people.noun })
    : E.right(undefined)
}

/** The time that a read of an item names, in milliseconds since the epoch; undefined where it names none. */
export const asOfIn = ({ request }: Pick<Call, 'request'>): E.Either<Failure, bigint | undefined> => {
  const parameters = itemParametersOf(request.url, ['asOf'])
  if (E.isLeft(parameters)) return parameters
  const text = parameters.right.get('asOf')
  const time = text === undefined ? undefined : parseTime(text)
  return text !== undefined && time === undefined ? E.left(invalid(asOfProblem)) : E.right(time)
}

/** Answers an item as the hub knew it at a time, in milliseconds since the epoch. */
export const pastItem = (
  resource: Resource,
  dependencies: ApiDependencies,
): ((call: Call, time: bigint) => Promise<E.Either<Failure, Answer>>) => {
  const { readModels, policy } = dependencies
  const confinedTo = confinedInHistory(resource, policy)
  return async (call, time) => {
    const place = await placeAsOf(dependencies, call, time)
    if (E.isLeft(place)) return place
    const identity = identityIn(resource, call)
    if (identity === undefined) return E.left(noSuch(resource))
    if (identity.owner !== undefined) {
      const owner = await personWasThere(dependencies, identity.owner, place.right)
      if (E.isLeft(owner)) return owner
    }
    const version = await versionAt(readModels, resource.name, keyOf(identity), place.right)
    if (E.isLeft(version)) return version
    if (version.right === undefined) return E.left(noSuch(resource))
    const { item, revision, subject, erased } = version.right
    const person = confinedTo(call)
    if (person !== undefined && subject !== person) return E.left(noSuch(resource))
    if (erased) return E.left({ _tag: 'Erased' })
    if (item === undefined) return E.left({ _tag: 'Removed', what: resource.noun })
    const headers = { ETag: etagOf(revision), ...mementoHeaders(time) }
    return E.right(
      isCurrent(call.request.headers['if-none-match'], revision)
        ? { status: 304, headers }
        : jsonAnswer(200, jsonText(item), headers),
    )
  }
}
