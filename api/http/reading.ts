import * as E from '#fp/Either'
import { people } from '../../domain/people.ts'
import { invalid } from '../../domain/rejection.ts'
import type { Identity, Resource } from '../../domain/resource.ts'
import { modelOf } from '../../projections/items.ts'
import type { ModelShape } from '../../projections/read-store.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { noSuch } from '../resources/item-identity.ts'
import type { Call } from './call.ts'
import type { Failure } from './problem.ts'

const waitMilliseconds = 1_000

export type ReadDependencies = Pick<
  ApiDependencies,
  'readModels' | 'progress' | 'positionOf' | 'logHead' | 'health'
>

/**
 * Whether a read may be answered now: the model that answers it has caught up once, and with `Thalamus-Min-Position` it
 * has reached that position within a second. Other models may be behind.
 */
export const readable = async (
  { progress, positionOf, logHead, health }: ReadDependencies,
  { request }: { readonly request: Pick<Call['request'], 'headers'> },
  model: ModelShape,
): Promise<E.Either<Failure, void>> => {
  if (!health.isUp(model)) return E.left({ _tag: 'StartingUp' })
  const header = request.headers['thalamus-min-position']
  if (header === undefined) return E.right(undefined)
  const requested = await positionOf(typeof header === 'string' ? header : '')
  if (E.isLeft(requested)) return requested
  const position = requested.right
  if (position === undefined)
    return E.left(
      invalid({ header: 'Thalamus-Min-Position', detail: 'must be a position of this hub’s log' }),
    )
  if (await progress.reached(model.name, position, 0)) return E.right(undefined)
  const head = await logHead()
  if (E.isLeft(head)) return head
  if (position > head.right)
    return E.left(invalid({ header: 'Thalamus-Min-Position', detail: 'is past the end of this hub’s log' }))
  return (await progress.reached(model.name, position, waitMilliseconds))
    ? E.right(undefined)
    : E.left({ _tag: 'PositionNotReached' })
}

const peopleModel = modelOf(people)

/** Why an item is no longer there, which its stream tells: it was removed, or its person is forgotten. */
export const goneItem = async (
  { readItem }: Pick<ApiDependencies, 'readItem'>,
  resource: Resource,
  identity: Identity,
): Promise<E.Either<Failure, never>> => {
  const state = await readItem(resource, identity)
  if (E.isLeft(state)) return state
  return E.left(state.right.is === 'erased' ? { _tag: 'Erased' } : { _tag: 'Removed', what: resource.noun })
}

/** Whether there is such a person, as far as the read side knows: 404 or 410 where not. */
export const personIsThere = async (
  dependencies: Pick<ApiDependencies, 'readModels' | 'health' | 'readItem'>,
  person: string,
): Promise<E.Either<Failure, void>> => {
  if (!dependencies.health.isUp(peopleModel)) return E.left({ _tag: 'StartingUp' })
  const held = await dependencies.readModels.get(peopleModel, person)
  if (E.isLeft(held)) return held
  if (held.right === undefined) return E.left(noSuch(people))
  return held.right.text === null ? goneItem(dependencies, people, { id: person }) : E.right(undefined)
}
