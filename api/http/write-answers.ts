import type { Outcome } from '../../commands/handle.ts'
import type { ItemState } from '../../domain/item.ts'
import { type JsonObject, jsonText } from '../../domain/json.ts'
import { formatPosition } from '../../domain/position.ts'
import { invalid } from '../../domain/rejection.ts'
import { type Identity, pathOf, type Resource } from '../../domain/resource.ts'
import { subjectIn } from '../../domain/subject.ts'
import { versions } from '../../projections/versions.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { type Answer, jsonAnswer } from './answer.ts'
import type { Call } from './call.ts'
import { etagOf } from './conditional.ts'
import type { Failure } from './problem.ts'
import { mayRead } from './rights.ts'

const waitMilliseconds = 1_000

const prefers = (header: string | readonly string[] | undefined, preference: string): boolean =>
  header !== undefined &&
  String(header)
    .toLowerCase()
    .split(/[,;]/)
    .some(part => part.trim().replaceAll('"', '') === preference)

type AnswerDependencies = Pick<ApiDependencies, 'progress' | 'logIdentity' | 'policy'>

/** What a write's answer shows: which read model serves the thing, where it is, and what of it is shown. */
export interface Written {
  readonly model: string
  readonly path: string
  /** `nothing`: there is nothing to show, as after a removal. `hidden`: the caller may not read it. */
  readonly shows: { readonly text: string; readonly isSecret?: boolean } | 'nothing' | 'hidden'
  /** Whether this write made what is at the path; without, whether it began the stream. */
  readonly isNew?: boolean
}

/** The answer of a write, once the read side has it or a second has passed. */
export const writeAnswer = async (
  { progress, logIdentity }: AnswerDependencies,
  { request }: Call,
  { added, before, revision, position }: Omit<Outcome<unknown>, 'state'>,
  { model, path, shows, isNew = before === -1 }: Written,
): Promise<Answer> => {
  const headers: Record<string, string> = {}
  if (position !== undefined) {
    headers['Thalamus-Position'] = formatPosition(logIdentity, position)
    if (!prefers(request.headers.prefer, 'respond-async'))
      // The history shows it as soon as the thing itself.
      await Promise.all(
        [model, versions.name].map(name => progress.reached(name, position, waitMilliseconds)),
      )
  }
  if (shows === 'nothing') return { status: 204, headers }
  headers.ETag = etagOf(revision)
  const created = added && isNew
  if (created) headers.Location = path
  if (shows === 'hidden') return { status: created ? 201 : 204, headers }
  // A secret is always answered, and kept nowhere.
  if (shows.isSecret) headers['Cache-Control'] = 'no-store'
  else if (prefers(request.headers.prefer, 'return=minimal')) {
    headers['Preference-Applied'] = 'return=minimal'
    return { status: created ? 201 : 204, headers }
  }
  return jsonAnswer(created ? 201 : 200, shows.text, headers)
}

/** What an answer shows of an item to this caller: the item as it is now. */
export const shownOf = (
  { policy }: Pick<ApiDependencies, 'policy'>,
  call: Call,
  resource: Resource,
  state: ItemState,
): Written['shows'] => {
  if (state.is !== 'present') return 'nothing'
  return mayRead(resource, policy, call, subjectIn(resource, state))
    ? { text: jsonText(state.item) }
    : 'hidden'
}

/** The answer of a write to an item. */
export const itemAnswer = (
  dependencies: AnswerDependencies,
  call: Call,
  resource: Resource,
  identity: Identity,
  outcome: Outcome<ItemState>,
): Promise<Answer> =>
  writeAnswer(dependencies, call, outcome, {
    model: resource.name,
    path: pathOf(resource, identity),
    shows: shownOf(dependencies, call, resource, outcome.state),
  })

/** A refusal for a caller who may not read the thing: it names parts of the request only, and says nothing of the thing. */
export const withoutState = (failure: Failure, sent: JsonObject): Failure => {
  switch (failure._tag) {
    case 'WrongState':
      return { _tag: 'WrongState', detail: 'What is stored does not allow this.' }
    case 'Invalid':
      return invalid(
        ...failure.errors.map(part => ({
          pointer:
            'pointer' in part && Object.hasOwn(sent, part.pointer.split('/')[1] ?? '') ? part.pointer : '',
          detail: 'is not valid, or does not fit what is stored',
        })),
      )
    default:
      return failure
  }
}
