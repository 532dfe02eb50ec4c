import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import { schemaVersionOf } from '../domain/catalogue.ts'
import type { NewEvent } from '../domain/event.ts'
import type { JsonObject } from '../domain/json.ts'
import { openLog } from '../stores/codec.ts'
import { sqliteLog } from '../stores/sqlite/event-log.ts'

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

const eventOf = (type: string, data: JsonObject, subject: string): NewEvent => ({
  id: randomUUID(),
  event: { type, data },
  metadata: {
    commandId: randomUUID(),
    actor: { kind: 'person', id: 'ITAPYT999HON' },
    subject,
    requestId: randomUUID(),
    schemaVersion: schemaVersionOf(type),
    recordedAt: new Date().toISOString(),
    occurredAt: '2024-01-02T03:04:05.678901Z',
  },
})

const atOnce = 2_000

/** Fills a log with people who each have some pages; `mostEvents` ends early. Gives the number of events written. */
export const seedLog = async (
  path: string,
  people: number,
  pagesEach: number,
  mostEvents = Number.POSITIVE_INFINITY,
): Promise<number> => {
  const stored = sqliteLog(path)
  const ports = await openLog(stored)
  if (E.isLeft(ports)) throw new Error(ports.left._tag)
  const { log } = ports.right
  let written = 0
  let waiting: Promise<unknown>[] = []
  const write = async (stream: string, event: NewEvent) => {
    if (written >= mostEvents) return
    written += 1
    waiting.push(log.append(stream, 'no-stream', [event]))
    if (waiting.length < atOnce) return
    await Promise.all(waiting)
    waiting = []
  }
  for (let n = 0; n < people; n += 1)
    await write(`person-${accountOf(n)}`, eventOf('PersonRegistered', personOf(n), accountOf(n)))
  for (let i = 0; i < pagesEach; i += 1) {
    for (let n = 0; n < people; n += 1) {
      const [account, id] = [accountOf(n), randomUUID()]
      await write(`page-${account}:${id}`, eventOf('PageWritten', pageOf(account, id, n + i), account))
    }
  }
  await Promise.all(waiting)
  await stored.close()
  return written
}
