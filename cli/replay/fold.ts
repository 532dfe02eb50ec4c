import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as E from '#fp/Either'
import type { FeedEntry } from '../../projections/feed-entry.ts'
import type { HistoryEvent } from './history.ts'

/** An analyst's fold over the history, as their module exports it. */
export interface Fold {
  readonly initial: unknown
  readonly apply: (state: unknown, event: FeedEntry) => unknown
  readonly result: ((state: unknown) => unknown) | undefined
  readonly file: string
}

const expectations =
  'It must export `initial`, the state before the first event, and `apply(state, event)`, which gives the state after it; it may export `result(state)`, which makes what is printed.'

const isFunction = (value: unknown): value is (...values: unknown[]) => unknown => typeof value === 'function'

const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)

/** Where in the analyst's own file it was thrown: `, line 12`. */
const placeOf = (thrown: unknown, file: string): string => {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : ''
  const address = pathToFileURL(file).href
  const frame = stack.split('\n').find(line => line.includes(address) || line.includes(file))
  const line = /:(\d+):\d+\)?$/.exec(frame?.trim() ?? '')?.[1]
  return line === undefined ? '' : `, line ${line}`
}

/** Loads a fold; gives a sentence where the file is none. */
export const loadFold = async (path: string): Promise<E.Either<string, Fold>> => {
  const file = resolve(path)
  const facts = await stat(file).catch(() => undefined)
  if (facts?.isFile() !== true) return E.left(`--reduce: there is no file ${path}. ${expectations}`)
  let module: Readonly<Record<string, unknown>>
  try {
    module = await import(pathToFileURL(file).href)
  } catch (thrown) {
    return E.left(
      `--reduce: ${path} cannot be loaded${placeOf(thrown, file)}: ${messageOf(thrown)}. ${expectations}`,
    )
  }
  const { apply, result } = module
  const problems = [
    ...('initial' in module ? [] : ['no `initial`']),
    ...(isFunction(apply) ? [] : ['no function `apply`']),
    ...(result === undefined || isFunction(result) ? [] : ['a `result` that is no function']),
  ]
  if (problems.length > 0 || !isFunction(apply))
    return E.left(`--reduce: ${path} exports ${problems.join(', ')}. ${expectations}`)
  return E.right({ initial: module.initial, apply, result: isFunction(result) ? result : undefined, file })
}

/** What goes through a fold; its failures are sentences. */
export interface Folding {
  readonly add: (events: readonly HistoryEvent[]) => Promise<E.Either<string, void>>
  /** The result as JSON. */
  readonly result: () => Promise<E.Either<string, string>>
}

export const startFolding = ({ initial, apply, result, file }: Fold): Folding => {
  let state = initial
  return {
    add: async events => {
      for (const event of events) {
        const entry = event.entry()
        try {
          const next = apply(state, entry)
          state = next instanceof Promise ? await next : next
        } catch (thrown) {
          return E.left(
            `The fold failed at the event ${entry.position} (${entry.type}, revision ${entry.revision} of ${entry.stream})${placeOf(thrown, file)}: ${messageOf(thrown)}`,
          )
        }
      }
      return E.right(undefined)
    },
    result: async () => {
      let value: unknown
      try {
        value = result === undefined ? state : await result(state)
        if (value instanceof Map || value instanceof Set)
          return E.left(
            `The result of the fold is a ${value.constructor.name}, which JSON cannot say: export a result(state) that makes an object or a list of it.`,
          )
        const text = JSON.stringify(value, undefined, 2)
        return text === undefined
          ? E.left('The result of the fold is nothing that JSON can say.')
          : E.right(text)
      } catch (thrown) {
        return E.left(`The result of the fold cannot be made${placeOf(thrown, file)}: ${messageOf(thrown)}`)
      }
    },
  }
}
