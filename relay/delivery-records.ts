import { z } from 'zod'
import type { LogIdentity } from '../domain/position.ts'
import type { DeliveryRecord } from './delivery-store.ts'

/** How far a subscription is. Positions are as clients hold them: they stay good when the log is moved. */
const progressShape = z.object({
  /** Everything up to here was delivered, is a failing stream's, or is a dead letter. */
  position: z.string(),
  /** Failures since the last delivery. */
  failures: z.int(),
  lastError: z.object({ at: z.string(), error: z.string() }).nullable(),
  /** The last revision of the subscription's stream whose replays were begun. */
  handledRevision: z.int(),
  /** Nothing is sent before (ms since the epoch): the receiver said so. */
  heldUntil: z.number(),
  /** When this was saved (ms since the epoch). */
  savedAt: z.number(),
})
export type Progress = z.infer<typeof progressShape>

/** What a stream has to be delivered yet, from its first event that failed on. */
const failingShape = z.object({
  stream: z.string(),
  /** The next revision to be delivered. */
  revision: z.int(),
  /** The last revision that was passed over. */
  until: z.int(),
  attempts: z.int(),
  /** When it is tried next, and since when it fails (ms since the epoch). */
  nextAt: z.number(),
  since: z.number(),
  error: z.string(),
  /** A dead letter that is sent again: it holds up nothing of its stream. */
  isReplay: z.boolean(),
})
export type Failing = z.infer<typeof failingShape>

const deadLetterShape = z.object({
  position: z.string(),
  stream: z.string(),
  revision: z.int(),
  type: z.string(),
  attempts: z.int(),
  error: z.string(),
  failedSince: z.string(),
  deadAt: z.string(),
})
/** An event that was given up. */
export type DeadLetter = z.infer<typeof deadLetterShape>

export const parseProgress = (text: string): Progress => progressShape.parse(JSON.parse(text))
export const parseFailing = (text: string): Failing => failingShape.parse(JSON.parse(text))
export const parseDeadLetter = (text: string): DeadLetter => deadLetterShape.parse(JSON.parse(text))

/** A stream fails once; each of its dead letters may be sent again beside that. */
export const failingKey = ({ stream, revision, isReplay }: Failing): string =>
  isReplay ? `${stream} ${revision}` : stream

export const progressRecord = (progress: Progress): DeliveryRecord => ({
  kind: 'progress',
  key: '',
  text: JSON.stringify(progress),
})

export const failingRecord = (failing: Failing): DeliveryRecord => ({
  kind: 'failing',
  key: failingKey(failing),
  text: JSON.stringify(failing),
})

/** Their keys are in the order of their positions, those of earlier epochs of the log first. */
const deadLetterKey = ({ epoch }: LogIdentity, position: bigint): string =>
  `${String(epoch).padStart(6, '0')}-${String(position).padStart(19, '0')}`

export const deadLetterRecord = (
  identity: LogIdentity,
  position: bigint,
  letter: DeadLetter,
): DeliveryRecord => ({
  kind: 'dead',
  key: deadLetterKey(identity, position),
  text: JSON.stringify(letter),
})

/** An event is tried for so long before it is given up. */
export const deliveryMilliseconds = 3 * 24 * 3_600_000

const pauseSeconds = [1, 5, 30, 120, 600, 1_800, 3_600]

/** The pause after so many failed attempts: growing to an hour, up to a fifth longer by chance (`random`, 0 to 1). */
export const pauseMilliseconds = (attempts: number, random: number): number => {
  const seconds = pauseSeconds[Math.min(attempts, pauseSeconds.length) - 1] ?? 1
  return Math.round(seconds * 1_000 * (1 + random / 5))
}
