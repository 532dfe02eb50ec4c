import * as E from '#fp/Either'
import { jsonText } from '../../domain/json.ts'
import { type InvalidPart, invalid } from '../../domain/rejection.ts'
import { type Place, revisionsOf, type Version, versionBefore, versionOf } from '../../projections/past.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import { type Call, type Handle, pathParameter } from '../http/call.ts'
import { etagOf, isCurrent } from '../http/conditional.ts'
import { badCursor, cursorOf, linkTo, listNameOf, parseCursor } from '../http/cursor.ts'
import { limitOf } from '../http/page-limit.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import { changesOf, entryOf, shownOf } from './entries.ts'
import { presentPlace } from './place.ts'

/** Things whose history is answered: where they are, and which of them a caller reaches. */
export interface Historied {
  /** As versions name it. */
  readonly kind: string
  readonly noun: string
  readonly keyIn: (call: Call) => string | undefined
  /** The person whose things are all that the caller reaches; undefined where it reaches everybody's. */
  readonly confinedTo: (call: Call) => string | undefined
}

const revisionRule = 'must be a revision of it: a whole number from 0'

const parseRevision = (text: string | undefined): number | undefined =>
  text !== undefined && /^(0|[1-9]\d{0,11})$/.test(text) ? Number(text) : undefined

interface HistoryAnswers {
  readonly entries: Handle
  readonly revision: Handle
  readonly diff: Handle
}

/** The history of things of a kind: its entries, a state, and the difference of two. */
export const historyOf = (things: Historied, dependencies: ApiDependencies): HistoryAnswers => {
  const { kind, noun, keyIn, confinedTo } = things
  const { readModels, logIdentity } = dependencies
  const noSuch: Failure = { _tag: 'NoSuchItem', what: noun }

  /** The key of the thing that the path names, and its newest version, as far as the caller reaches it. */
  const thingOf = async (
    call: Call,
    place: Place,
  ): Promise<E.Either<Failure, { readonly key: string; readonly newest: Version }>> => {
    const key = keyIn(call)
    if (key === undefined) return E.left(noSuch)
    const page = await revisionsOf(readModels, kind, key, place, 1)
    if (E.isLeft(page)) return page
    const [newest] = page.right.versions
    const person = confinedTo(call)
    return newest === undefined || (person !== undefined && newest.subject !== person)
      ? E.left(noSuch)
      : E.right({ key, newest })
  }

  const stateAt = async (key: string, revision: number): Promise<E.Either<Failure, Version>> => {
    const version = await versionOf(readModels, kind, key, revision)
    if (E.isLeft(version)) return version
    return version.right === undefined ? E.left(noSuch) : E.right(version.right)
  }

  const entries = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const parameters = parametersOf(call.request.url, ['limit', 'cursor'])
    if (E.isLeft(parameters)) return parameters
    const key = keyIn(call) ?? ''
    const list = listNameOf('history', kind, key)
    const limit = limitOf(parameters.right)
    const cursorText = parameters.right.get('cursor')
    const cursor = cursorText === undefined ? undefined : parseCursor(list, cursorText)
    const before = parseRevision(cursor?.key)
    const errors: InvalidPart[] = typeof limit === 'number' ? [] : [limit]
    if (cursorText !== undefined && before === undefined) errors.push(badCursor)
    if (typeof limit !== 'number' || errors.length > 0) return E.left(invalid(...errors))

    const place = await presentPlace(dependencies, call)
    if (E.isLeft(place)) return place
    const thing = await thingOf(call, place.right)
    if (E.isLeft(thing)) return thing
    const page = await revisionsOf(readModels, kind, key, place.right, limit, before)
    if (E.isLeft(page)) return page
    const { versions, more } = page.right
    const last = versions.at(-1)
    const earlier =
      last === undefined ? E.right(undefined) : await versionBefore(readModels, kind, key, last.revision)
    if (E.isLeft(earlier)) return earlier
    const items = versions.map((version, n) =>
      entryOf(logIdentity, version, versions[n + 1] ?? earlier.right),
    )
    const next =
      more && last !== undefined ? cursorOf(list, { value: null, key: String(last.revision) }) : undefined
    const path = call.request.path
    const link = next === undefined ? {} : { Link: linkTo(path, parameters.right, next) }
    return E.right(jsonAnswer(200, JSON.stringify(items), link))
  }

  const revision = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const parameters = parametersOf(call.request.url, [])
    if (E.isLeft(parameters)) return parameters
    const place = await presentPlace(dependencies, call)
    if (E.isLeft(place)) return place
    const thing = await thingOf(call, place.right)
    if (E.isLeft(thing)) return thing
    const number = parseRevision(pathParameter(call, 'revision'))
    if (number === undefined || number > thing.right.newest.revision) return E.left(noSuch)
    const state = await stateAt(thing.right.key, number)
    if (E.isLeft(state)) return state
    if (state.right.erased) return E.left({ _tag: 'Erased' })
    const item = shownOf(state.right)
    if (item === undefined) return E.left({ _tag: 'Removed', what: noun })
    const headers = { ETag: etagOf(number) }
    return E.right(
      isCurrent(call.request.headers['if-none-match'], number)
        ? { status: 304, headers }
        : jsonAnswer(200, jsonText(item), headers),
    )
  }

  const diff = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const parameters = parametersOf(call.request.url, ['from', 'to'])
    if (E.isLeft(parameters)) return parameters
    const [from, to] = ['from', 'to'].map(name => parseRevision(parameters.right.get(name)))
    const missing = [...Object.entries({ from, to })].filter(([, number]) => number === undefined)
    const rule = (parameter: string): InvalidPart => ({ parameter, detail: revisionRule })
    if (from === undefined || to === undefined)
      return E.left(invalid(...missing.map(([parameter]) => rule(parameter))))
    if (to < from) return E.left(invalid({ parameter: 'to', detail: 'must not be before from' }))
    const place = await presentPlace(dependencies, call)
    if (E.isLeft(place)) return place
    const thing = await thingOf(call, place.right)
    if (E.isLeft(thing)) return thing
    const { key, newest } = thing.right
    const beyond = [...Object.entries({ from, to })].filter(([, number]) => number > newest.revision)
    if (beyond.length > 0)
      return E.left(
        invalid(
          ...beyond.map(([parameter]) => ({
            parameter,
            detail: `${revisionRule} to ${newest.revision}`,
          })),
        ),
      )
    const [earlier, later] = [await stateAt(key, from), await stateAt(key, to)]
    if (E.isLeft(earlier)) return earlier
    if (E.isLeft(later)) return later
    if (earlier.right.erased || later.right.erased) return E.left({ _tag: 'Erased' })
    return E.right(jsonAnswer(200, JSON.stringify(changesOf(earlier.right, later.right))))
  }

  return { entries, revision, diff }
}
