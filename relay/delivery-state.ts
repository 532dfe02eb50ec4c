import type { RecordedEvent } from '../domain/event.ts'
import { formatPosition, type LogIdentity } from '../domain/position.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import {
  type DeadLetter,
  deadLetterRecord,
  type Failing,
  failingKey,
  failingRecord,
  type Progress,
  parseFailing,
  parseProgress,
  progressRecord,
} from './delivery-records.ts'
import type { DeliveryRecord, DeliveryStore } from './delivery-store.ts'
import { orThrow } from './or-throw.ts'

/** How far it is is saved at least this often while a stream fails, so that who goes on knows since when nobody tried. */
export const longestUnsaved = 30_000
/** A position past events that were not asked for is saved this often: it saves reading them again, and nothing else. */
const quietMilliseconds = 5_000

type Noted = Pick<Progress, 'failures' | 'lastError' | 'handledRevision' | 'heldUntil'>

/**
 * How far a subscription is, as its holder has it in memory. It is always whole: everything up to its position was
 * delivered, is a failing stream's, or is a dead letter. So it may be saved whenever nothing is awaited.
 */
export interface DeliveryState {
  readonly position: () => bigint
  /** `isQuiet`: nothing was delivered on the way. */
  readonly moveTo: (position: bigint, isQuiet: boolean) => void
  readonly noted: () => Noted
  readonly note: (change: Partial<Noted>) => void
  /** What fails, by its key. */
  readonly failing: ReadonlyMap<string, Failing>
  readonly keep: (row: Failing) => void
  readonly drop: (row: Failing) => void
  /** The event is a dead letter. The row is to be kept or dropped with it. */
  readonly giveUp: (event: RecordedEvent, row: Failing, error: string) => void
  /** The dead letter of this key is sent again. */
  readonly revive: (key: string, row: Failing) => void
  /** In how many milliseconds it is to be saved; 0 or less where it is to be now. */
  readonly dueIn: () => number
  /** Saves what is due. Throws a `DeliveryFailure`. It is not to be called again after that: what was to be written then would be missing. */
  readonly save: () => Promise<void>
}

export interface StateDependencies {
  readonly identity: LogIdentity
  readonly deliveries: DeliveryStore
  readonly positionOf: EventFeed['positionOf']
  readonly now: () => number
}

/** Takes a subscription over under a token of its lease. `changed` is told of every change. Throws a `DeliveryFailure`. */
export const takeOver = async (
  { identity, deliveries, positionOf, now }: StateDependencies,
  { id, token, from }: { readonly id: string; readonly token: number; readonly from: bigint },
  changed: () => void,
): Promise<DeliveryState> => {
  const failing = new Map<string, Failing>()
  let saved: Progress | undefined
  for (const { kind, text } of orThrow(await deliveries.claim(id, token)))
    if (kind === 'progress') saved = parseProgress(text)
    else {
      const row = parseFailing(text)
      failing.set(failingKey(row), row)
    }
  let position = (saved === undefined ? undefined : orThrow(await positionOf(saved.position))) ?? from
  let noted: Noted = {
    failures: saved?.failures ?? 0,
    lastError: saved?.lastError ?? null,
    handledRevision: saved?.handledRevision ?? 0,
    heldUntil: saved?.heldUntil ?? 0,
  }

  // What is to be saved.
  let isChanged = saved === undefined
  let hasMoved = false
  const rows = new Set<string>()
  let dead: DeliveryRecord[] = []
  let revived: string[] = []
  let savedAt = saved?.savedAt ?? now()

  // Time in which nobody tried does not count.
  const untried = Math.max(0, now() - savedAt - longestUnsaved)
  if (untried > 0)
    for (const [key, row] of failing) {
      failing.set(key, { ...row, since: row.since + untried })
      rows.add(key)
    }

  const keep = (row: Failing) => {
    const key = failingKey(row)
    failing.set(key, row)
    rows.add(key)
    changed()
  }
  const dueIn = () => {
    if (isChanged || rows.size > 0 || dead.length > 0 || revived.length > 0) return 0
    if (hasMoved) return savedAt + quietMilliseconds - now()
    return failing.size > 0 ? savedAt + longestUnsaved - now() : longestUnsaved
  }

  /** Takes along what has changed. */
  const changes = () => {
    const kept = [...rows].flatMap(key => failing.get(key) ?? [])
    const dropped = [...rows].filter(key => !failing.has(key))
    const progress = { ...noted, position: formatPosition(identity, position), savedAt }
    const put = [...dead, ...kept.map(failingRecord), progressRecord(progress)]
    const remove = [
      ...dropped.map(key => ({ kind: 'failing' as const, key })),
      ...revived.map(key => ({ kind: 'dead' as const, key })),
    ]
    isChanged = false
    hasMoved = false
    rows.clear()
    dead = []
    revived = []
    return { put, remove }
  }

  return {
    position: () => position,
    moveTo: (next, isQuiet) => {
      if (next === position) return
      position = next
      hasMoved = true
      isChanged ||= !isQuiet
      changed()
    },
    noted: () => noted,
    note: change => {
      noted = { ...noted, ...change }
      isChanged = true
      changed()
    },
    failing,
    keep,
    drop: row => {
      const key = failingKey(row)
      failing.delete(key)
      rows.add(key)
      changed()
    },
    giveUp: (event, row, error) => {
      const letter: DeadLetter = {
        position: formatPosition(identity, event.position),
        stream: event.stream,
        revision: event.revision,
        type: event.event.type,
        attempts: row.attempts + 1,
        error,
        failedSince: new Date(row.since).toISOString(),
        deadAt: new Date(now()).toISOString(),
      }
      dead.push(deadLetterRecord(identity, event.position, letter))
    },
    revive: (key, row) => {
      revived.push(key)
      keep(row)
    },
    dueIn,
    save: async () => {
      if (dueIn() > 0) return
      savedAt = now()
      orThrow(await deliveries.save(id, token, changes()))
    },
  }
}
