import { availableParallelism } from 'node:os'
import * as E from '#fp/Either'

/** So much waits already that this would not be done in time. */
export interface Busy {
  readonly _tag: 'Busy'
}

/** Where work waits: groups from the widest to the narrowest, and how much may wait in each of them at the same time. */
export type Lane = readonly { readonly name: string; readonly places: number }[]

/** Runs at most one piece of slow work per core. The rest waits in its lane; it is refused where a group is full. */
export type SlowWork = <A>(lane: Lane, work: () => Promise<A>) => Promise<E.Either<Busy, A>>

type Start = () => void

/** Groups that have nothing waiting are dropped; the others are in the order of their turns. */
interface Group {
  waiting: number
  readonly starts: Start[]
  readonly groups: Map<string, Group>
}

const emptyGroup = (): Group => ({ waiting: 0, starts: [], groups: new Map() })

/** Whether there was a place in every group of the lane. */
const enqueue = (all: Group, lane: Lane, start: Start): boolean => {
  let existing: Group | undefined = all
  for (const { name, places } of lane) {
    existing = existing?.groups.get(name)
    if ((existing?.waiting ?? 0) >= places) return false
  }
  let group = all
  group.waiting += 1
  for (const { name } of lane) {
    const inner = group.groups.get(name) ?? emptyGroup()
    group.groups.set(name, inner)
    group = inner
    group.waiting += 1
  }
  group.starts.push(start)
  return true
}

/** Groups take turns at every level; within one, whoever waited longest is next. */
const dequeue = (group: Group): Start | undefined => {
  if (group.waiting === 0) return undefined
  group.waiting -= 1
  const [turn] = group.groups
  if (turn === undefined) return group.starts.shift()
  const [name, inner] = turn
  const start = dequeue(inner)
  group.groups.delete(name)
  if (inner.waiting > 0) group.groups.set(name, inner)
  return start
}

export const makeSlowWork = (atOnce: number = availableParallelism()): SlowWork => {
  const all = emptyGroup()
  let running = 0
  return async (lane, work) => {
    if (running < atOnce) running += 1
    else {
      const { promise, resolve } = Promise.withResolvers<void>()
      if (!enqueue(all, lane, resolve)) return E.left({ _tag: 'Busy' })
      await promise
    }
    try {
      return E.right(await work())
    } finally {
      const next = dequeue(all)
      // The place goes over to the next in turn.
      if (next === undefined) running -= 1
      else next()
    }
  }
}
