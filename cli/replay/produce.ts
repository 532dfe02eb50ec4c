import type { Writable } from 'node:stream'
import * as E from '#fp/Either'
import type { ExitCode } from '../command.ts'
import { makeProgress, type Terminal } from '../progress.ts'
import { endEarly, type Voice } from './ending.ts'
import { type Description, openFile } from './file-output.ts'
import { type Fold, startFolding } from './fold.ts'
import { lineFormats } from './formats.ts'
import type { History } from './history.ts'
import type { Output } from './output.ts'
import type { Format, ReplayRequest } from './request.ts'
import { replayFold, replayLines } from './run.ts'
import { streamOutput } from './stream-output.ts'

/** What a replay works with that belongs to the process. */
export interface Surroundings extends Voice {
  readonly stdout: Writable
  readonly terminal: Terminal
  /** Aborts when the process is asked to end. */
  readonly signal: AbortSignal
}

/** What is made of the history: lines, or the result of a fold. */
export type Product =
  | { readonly is: 'lines'; readonly output: Output; readonly file: string | undefined }
  | { readonly is: 'fold'; readonly fold: Fold }

/** What decides which lines a file holds: with the same, more of them go behind those that are there. */
const descriptionOf = ({ after, filter, hub }: ReplayRequest, format: Format): Description => ({
  'the source': hub === undefined ? 'the store' : 'a hub',
  '--format': format,
  '--after': after ?? null,
  '--types': filter.types?.toSorted().join(',') ?? null,
  '--since': filter.since ?? null,
  '--until': filter.until ?? null,
  '--stream': filter.stream ?? null,
})

/** Opens what the history goes to; gives a sentence where that is a file of something else. */
export const openProduct = async (
  request: ReplayRequest,
  fold: Fold | undefined,
  stdout: Writable,
): Promise<E.Either<string, Product>> => {
  const { result } = request
  if (fold !== undefined) return E.right({ is: 'fold', fold })
  const [format, file] = result.is === 'fold' ? (['ndjson', undefined] as const) : [result.format, result.out]
  const lines = lineFormats[format]
  if (file === undefined) return E.right({ is: 'lines', output: streamOutput(stdout, lines), file })
  const output = await openFile(file, lines, descriptionOf(request, format))
  return E.isLeft(output) ? output : E.right({ is: 'lines', output: output.right, file })
}

const counted = (events: number): string => (events === 1 ? '1 event' : `${events} events`)

/** Makes the product of a history, and says how it ended. `from` and `to` are the way that progress is measured on. */
export const produce = async (
  history: History,
  after: string | undefined,
  product: Product,
  [from, to]: readonly [bigint, bigint | undefined],
  { stdout, terminal, signal, complain, words }: Surroundings,
): Promise<ExitCode> => {
  const progress = makeProgress(from, to, terminal)
  if (product.is === 'fold') {
    const folded = await replayFold(history, after, startFolding(product.fold), progress, signal)
    if (E.isLeft(folded)) return endEarly({ complain, words }, undefined, folded.left, undefined)
    stdout.write(`${folded.right}\n`)
    return 0
  }
  const { output, file } = product
  const replayed = await replayLines(history, after, output, progress, signal)
  if (replayed.failure !== undefined)
    return endEarly({ complain, words }, replayed.last, replayed.failure, file)
  if (file !== undefined)
    stdout.write(
      output.last === undefined
        ? `${counted(replayed.events)} in ${file}.\n`
        : `${counted(replayed.events)} more in ${file}.\n`,
    )
  return 0
}
