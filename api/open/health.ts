import * as E from '#fp/Either'
import type { AuthStore } from '../../auth/auth-store.ts'
import type { Standing } from '../../auth/standing.ts'
import { formatPosition } from '../../domain/position.ts'
import { accounts } from '../../projections/accounts.ts'
import type { EventFeed } from '../../projections/event-feed.ts'
import type { LeasedWork } from '../../projections/leased-work.ts'
import type { Progress } from '../../projections/progress.ts'
import type { ModelShape, ReadModels } from '../../projections/read-store.ts'
import type { Answer } from '../http/answer.ts'
import { jsonAnswer } from '../http/answer.ts'

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
  /** Whether a read model has reached what the log held when this process started. */
  readonly isUp: (model: Pick<ModelShape, 'name'>) => boolean
}

export interface HealthDependencies {
  readonly feed: EventFeed
  readonly reads: Pick<ReadModels, 'checkpoint'>
  readonly auth: Pick<AuthStore, 'highestBcryptCost'>
  readonly progress: Progress
  readonly standing: Pick<Standing, 'isLive' | 'silentFor'>
  readonly projector: Pick<LeasedWork, 'stopped'>
  /** What the log held when this process started. */
  readonly headAtStart: bigint
}

const silenceMilliseconds = 10_000

/** Ready: the stores answer, and the read side has reached what the log held when this process started. */
export const makeHealth = (dependencies: HealthDependencies): Health => {
  const { feed, reads, auth, progress, standing, projector, headAtStart } = dependencies
  const check = async (): Promise<E.Either<string, Readiness>> => {
    const head = await feed.head()
    const checkpoint = await reads.checkpoint(accounts)
    const credentials = await auth.highestBcryptCost()
    if (E.isLeft(head)) return E.left('the event log does not answer')
    if (E.isLeft(checkpoint)) return E.left('the read models do not answer')
    if (E.isLeft(credentials)) return E.left('the store of credentials does not answer')
    const problems = [
      ...(projector.stopped() === undefined ? [] : ['the projector stopped: see the log']),
      ...(progress.isAway() ? ['the read models cannot be written now'] : []),
      ...(progress.allReached(headAtStart) ? [] : ['the read models are being built']),
      ...(standing.isLive() && standing.silentFor() < silenceMilliseconds
        ? []
        : ['the event log is not being heard']),
    ]
    return E.right({
      ready: problems.length === 0,
      position: formatPosition(feed.identity, head.right),
      projections: progress.positions().map(({ name, position }) => ({
        name,
        position: formatPosition(feed.identity, position),
        lag: Number(head.right > position ? head.right - position : 0n),
      })),
      problems,
    })
  }
  return { check, isUp: ({ name }) => progress.hasReached(name, headAtStart) }
}

/** `version` is that of this release, for callers who see it. */
export const readyAnswer = async (health: Health, version: string | undefined): Promise<Answer> => {
  const checked = await health.check()
  if (E.isLeft(checked))
    return jsonAnswer(503, JSON.stringify({ status: 'unavailable', problems: [checked.left], version }), {
      'Retry-After': '1',
    })
  const { ready, position, projections, problems } = checked.right
  const body = { status: ready ? 'ready' : 'starting', position, projections, version }
  return ready
    ? jsonAnswer(200, JSON.stringify(body))
    : jsonAnswer(503, JSON.stringify({ ...body, problems }), { 'Retry-After': '1' })
}
