import * as E from '#fp/Either'
import type { Core } from '../../core.ts'
import { contextOfOperator } from '../operator.ts'
import type { ReplayRequest } from './request.ts'
import { logProblem, positionIn } from './store.ts'

/** The numbers of the positions that are asked for; `to` is the head where none is. */
export interface Bounds {
  readonly after: bigint
  readonly to: bigint
}

/** Reads the positions that are asked for; gives everything that is wrong with them. */
export const boundsIn = async (
  { ports }: Pick<Core, 'ports'>,
  { after, to }: Pick<ReplayRequest, 'after' | 'to'>,
): Promise<E.Either<{ readonly code: 1 | 2; readonly problems: readonly string[] }, Bounds>> => {
  const head = await ports.feed.head()
  if (E.isLeft(head)) return E.left({ code: 1, problems: [logProblem(head.left)] })
  const problems: string[] = []
  const numbers: (bigint | undefined)[] = []
  for (const [option, text] of [
    ['--after', after],
    ['--to', to],
  ] as const) {
    const position = text === undefined ? undefined : await positionIn(ports, head.right, text)
    if (position === undefined || E.isRight(position)) numbers.push(position?.right)
    else if (typeof position.left !== 'string')
      return E.left({ code: 1, problems: [logProblem(position.left)] })
    else
      problems.push(
        position.left === 'past its end'
          ? `${option}: "${text}" is past the end of the log`
          : `${option}: "${text}" is no position of this log; a position is what the feed and replay show as \`position\``,
      )
  }
  const [first = 0n, last = head.right] = numbers
  if (problems.length === 0 && last < first) problems.push('--to: must not be before --after')
  return problems.length > 0 ? E.left({ code: 2, problems }) : E.right({ after: first, to: last })
}

/** What the record says of a replay: its options by name. */
const optionsOf = ({ after, to, filter, result }: ReplayRequest) => ({
  ...(after === undefined ? {} : { after }),
  ...(to === undefined ? {} : { to }),
  ...(filter.types === undefined ? {} : { types: filter.types.join(',') }),
  ...(filter.since === undefined ? {} : { since: filter.since }),
  ...(filter.until === undefined ? {} : { until: filter.until }),
  ...(filter.stream === undefined ? {} : { stream: filter.stream }),
  format: result.is === 'fold' ? 'fold' : result.format,
})

/** Records who replays what, before the first byte: the position of that event, or why it may not be gone on. */
export const recordReplay = async (
  { recordAccess, sealedAt }: Pick<Core, 'recordAccess' | 'sealedAt'>,
  request: ReplayRequest,
  complain: (sentence: string) => void,
): Promise<E.Either<string, bigint | undefined>> => {
  if (sealedAt !== undefined) {
    complain(`The log is sealed since ${sealedAt}, for it was moved: this replay is not recorded.`)
    return E.right(undefined)
  }
  const access = { type: 'HistoryReplayed' as const, data: optionsOf(request) }
  const recorded = await recordAccess(access, contextOfOperator())
  return E.isLeft(recorded)
    ? E.left('The replay cannot be recorded now, so nothing is replayed: the event log takes no writes.')
    : recorded
}
