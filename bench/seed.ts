import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { EventLog } from '../commands/event-log.ts'
import { schemaVersionOf } from '../domain/catalogue.ts'
import type { NewEvent } from '../domain/event.ts'
import type { JsonObject } from '../domain/json.ts'
import { encodeOne, openLog } from '../stores/codec.ts'
import { sqliteLog } from '../stores/sqlite/event-log.ts'
import type { StoredLog } from '../stores/stored.ts'
import { openKeysBeside } from './keys.ts'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** The nth account of a bench: neighbours in number are far apart in order, as real registrations are. */
export const accountOf = (n: number): string => {
  const scattered = (n * 7_919_317) % 17_576_000
  const [three, number] = [scattered % 17_576, Math.floor(scattered / 17_576)]
  const word = [676, 26, 1].map(place => letters[Math.floor(three / place) % 26]).join('')
  return `ESP${word}${String(number).padStart(3, '0')}ORG`
}

export const personOf = (n: number): JsonObject => ({
  name: ['Ana', 'Luis', 'María', 'Cameron', 'Ida'][n % 5] ?? '',
  lastname: `Betz ${n % 5000}`,
  dob: `19${String(30 + (n % 70)).padStart(2, '0')}-0${1 + (n % 9)}-1${n % 10}`,
  gender: n % 2 === 0 ? 'f' : 'm',
  address: { street: 'Calle Mayor', number: n % 300, city: 'Las Palmas', country: 'ES' },
  id: accountOf(n),
  active: true,
  roles: ['end_user'],
})

/** A page as the HMIS sends one, about 700 bytes. */
export const pageOf = (account: string, id: string, n: number): JsonObject => ({
  creation_info: {
    user: 'ITAPYT999HON',
    timestamp: '2024-01-02 03:04:05.678901',
    node: 'SPAIN-LASPALMAS-GNUSOLIDARIO-GRAL_HOSPITAL',
  },
  id,
  book: account,
  page_date: `20${String(10 + (n % 15)).padStart(2, '0')}-0${1 + (n % 9)}-2${n % 9}T0${n % 10}:04:05`,
  age: '38y 2m 29d',
  page_type: n % 3 === 0 ? 'social' : 'medical',
  relevance: 'important',
  medical_context: n % 2 === 0 ? 'encounter' : 'self_monitoring',
  health_condition_text: 'Encounter for full-term uncomplicated delivery',
  health_condition_code: 'O80',
  measurements: "{'bp': {'systolic': 120, 'diastolic': 80}, 'hr': 70}",
  summary: 'Vaginal delivery without complications',
  info: 'Mother and child are well. Follow-up visit in six weeks.',
  node: 'SPAIN-LASPALMAS-GNUSOLIDARIO-GRAL_HOSPITAL',
  author: 'Cordara, Cameron',
  author_acct: 'ITAPYT999HON',
})

export const eventOf = (type: string, data: JsonObject, subject?: string): NewEvent => ({
  id: randomUUID(),
  event: { type, data },
  metadata: {
    commandId: randomUUID(),
    actor: { kind: 'person', id: 'ITAPYT999HON' },
    ...(subject === undefined ? {} : { subject }),
    requestId: randomUUID(),
    schemaVersion: schemaVersionOf(type),
    recordedAt: new Date().toISOString(),
    occurredAt: '2024-01-02T03:04:05.678901Z',
  },
})

const atOnce = 2_000

/** As a release before encryption stored it: what is about nobody is stored so today. */
const asBefore = (stored: StoredLog): Pick<EventLog, 'append'> => ({
  append: async (stream, expected, events) =>
    E.map(() => [])(await stored.append(stream, expected, events.map(encodeOne))),
})

/** Writes events into a log beside each other, in order. */
export const openWriter = async (path: string, form: 'encrypted' | 'in clear' = 'encrypted') => {
  const stored = sqliteLog(path)
  const { keys, close } = await openKeysBeside(path)
  const ports = await openLog(stored, keys)
  if (E.isLeft(ports)) throw new Error(ports.left._tag)
  const log = form === 'encrypted' ? ports.right.log : asBefore(stored)
  let written = 0
  let waiting: Promise<E.Either<unknown, unknown>>[] = []
  const settle = async () => {
    if ((await Promise.all(waiting)).some(E.isLeft)) throw new Error('an event was not written')
    waiting = []
  }
  return {
    written: () => written,
    write: async (stream: string, revision: number, event: NewEvent) => {
      written += 1
      waiting.push(log.append(stream, revision === 0 ? 'no-stream' : revision - 1, [event]))
      if (waiting.length >= atOnce) await settle()
    },
    settle,
    close: async () => {
      await settle()
      await stored.close()
      await close()
    },
  }
}

type Writer = Awaited<ReturnType<typeof openWriter>>

const registered = (n: number): NewEvent => eventOf('PersonRegistered', personOf(n), accountOf(n))

const writePages = async (writer: Writer, people: number, pagesEach: number, mostEvents: number) => {
  for (let i = 0; i < pagesEach; i += 1) {
    for (let n = 0; n < people && writer.written() < mostEvents; n += 1) {
      const [account, id] = [accountOf(n), randomUUID()]
      await writer.write(
        `page-${account}:${id}`,
        0,
        eventOf('PageWritten', pageOf(account, id, n + i), account),
      )
    }
  }
}

/** Fills a log with people who each have some pages; `mostEvents` ends early. Gives the number of events written. */
export const seedLog = async (
  path: string,
  people: number,
  pagesEach: number,
  mostEvents = Number.POSITIVE_INFINITY,
  form: 'encrypted' | 'in clear' = 'encrypted',
): Promise<number> => {
  const writer = await openWriter(path, form)
  for (let n = 0; n < people && writer.written() < mostEvents; n += 1)
    await writer.write(`person-${accountOf(n)}`, 0, registered(n))
  await writePages(writer, people, pagesEach, mostEvents)
  await writer.close()
  return writer.written()
}

/** A change of a person: the address moves on, and with every second one the last name. */
const changed = (n: number, revision: number): NewEvent =>
  eventOf(
    'PersonChanged',
    {
      address: { street: 'Calle Mayor', number: (n + revision) % 300, city: 'Las Palmas', country: 'ES' },
      ...(revision % 2 === 0 ? { lastname: `Betz ${(n + revision) % 5000}` } : {}),
    },
    accountOf(n),
  )

/** A log with a past, as asked for by `seedPast`. */
export interface Past {
  readonly people: number
  /** Of every person: all have the first before anybody has the second. */
  readonly revisionsEach: number
  readonly pagesEach: number
  /** Further people, one for each of these numbers of revisions. */
  readonly longHistories: readonly number[]
}

export interface SeededPast {
  readonly events: number
  /** When everybody had half of their revisions (ISO 8601). */
  readonly middle: string
  /** The accounts of those with long histories. */
  readonly accounts: readonly string[]
}

const clockMilliseconds = 10

/** Fills a log with people who have changed, and some of whom have changed often. */
export const seedPast = async (
  path: string,
  { people, revisionsEach, pagesEach, longHistories }: Past,
): Promise<SeededPast> => {
  const writer = await openWriter(path)
  let middle = ''
  for (let revision = 0; revision < revisionsEach; revision += 1) {
    for (let n = 0; n < people; n += 1)
      await writer.write(
        `person-${accountOf(n)}`,
        revision,
        revision === 0 ? registered(n) : changed(n, revision),
      )
    if (revision + 1 !== Math.ceil(revisionsEach / 2)) continue
    await writer.settle()
    await pause(clockMilliseconds)
    middle = new Date().toISOString()
    await pause(clockMilliseconds)
  }
  for (const [i, revisions] of longHistories.entries()) {
    const n = people + i
    for (let revision = 0; revision < revisions; revision += 1)
      await writer.write(
        `person-${accountOf(n)}`,
        revision,
        revision === 0 ? registered(n) : changed(n, revision),
      )
  }
  await writePages(writer, people, pagesEach, Number.POSITIVE_INFINITY)
  await writer.close()
  return {
    events: writer.written(),
    middle,
    accounts: longHistories.map((_, i) => accountOf(people + i)),
  }
}
