import { createSecretKey, randomBytes } from 'node:crypto'
import * as E from '#fp/Either'
import type { SubjectKeys } from '../../auth/subject-keys.ts'
import { decrypted, encrypted, isEncrypted } from '../cipher.ts'
import type { StoredEvent } from '../stored.ts'
import { metadataOf, subjectOfStored } from '../stored-metadata.ts'
import { stop } from './failure.ts'

const subjectOf = ({ type, metadata }: StoredEvent): string | undefined =>
  subjectOfStored(type, metadataOf(metadata) ?? {})

const unavailable = (cause: unknown): never =>
  stop({ _tag: 'StoreUnavailable', store: 'old credentials', cause })

/** What is moved, as it is meant and as the new log keeps it. */
export const meaningWith = (keys: Pick<SubjectKeys, 'find' | 'findOrMake'>) => ({
  /** The data of an event in clear; undefined where its person is forgotten. What no key opens is what it says itself. */
  meant: async (event: StoredEvent): Promise<string | undefined> => {
    const subject = subjectOf(event)
    if (subject === undefined) return event.data
    const found = await keys.find([subject])
    if (E.isLeft(found)) return unavailable(found.left)
    const key = found.right.get(subject)
    if (key === 'destroyed') return undefined
    if (key === undefined || !isEncrypted(event.data)) return event.data
    return decrypted(key, event, event.data) ?? event.data
  },

  /** The events with nothing in clear that is about a person. Of somebody who is forgotten nobody gets the key. */
  encrypted: async (events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> => {
    const inClear = events.filter(event => !isEncrypted(event.data) && subjectOf(event) !== undefined)
    if (inClear.length === 0) return events
    const people = new Set(inClear.flatMap(event => subjectOf(event) ?? []))
    const found = await keys.findOrMake([...people])
    if (E.isLeft(found)) return unavailable(found.left)
    return events.map(event => {
      const subject = subjectOf(event)
      if (subject === undefined || isEncrypted(event.data)) return event
      const key = found.right.get(subject) ?? 'destroyed'
      return {
        ...event,
        data: encrypted(key === 'destroyed' ? createSecretKey(randomBytes(32)) : key, event, event.data),
      }
    })
  },
})

export type Meaning = ReturnType<typeof meaningWith>
