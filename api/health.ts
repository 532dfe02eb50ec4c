import * as E from '#fp/Either'
import type { Answer } from './answer.ts'
import { jsonAnswer } from './answer.ts'

export interface Readiness {
  readonly ready: boolean
  /** The log's last position, as clients hold it. */
  readonly position: string
  readonly projections: readonly { readonly name: string; readonly position: string; readonly lag: number }[]
  /** Why not, in words for an operator. */
  readonly problems: readonly string[]
}

export interface Health {
  /** Asks the stores and compares the read side with what the log held when this process started. */
  readonly check: () => Promise<E.Either<string, Readiness>>
  /** Whether the read side has reached what the log held when this process started. */
  readonly readSideIsUp: () => boolean
}

export const readyAnswer = async (health: Health): Promise<Answer> => {
  const checked = await health.check()
  if (E.isLeft(checked))
    return jsonAnswer(503, JSON.stringify({ status: 'unavailable', problems: [checked.left] }), {
      'Retry-After': '1',
    })
  const { ready, position, projections, problems } = checked.right
  const body = { status: ready ? 'ready' : 'starting', position, projections }
  return ready
    ? jsonAnswer(200, JSON.stringify(body))
    : jsonAnswer(503, JSON.stringify({ ...body, problems }), { 'Retry-After': '1' })
}
