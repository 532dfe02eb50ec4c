import { accessSync, constants, createReadStream, statSync } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import { sentenceOf } from '../api/http/problem.ts'
import { textLimit } from '../commands/json-text.ts'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import type { ExitCode } from './command.ts'
import { untilEndRequested } from './end-request.ts'
import type { Refusal } from './import-line.ts'
import { bounds, type Result, workOf } from './import-work.ts'
import { inOrder, type Work } from './in-order.ts'
import { type Line, linesOf } from './lines.ts'
import { complain, contextOfOperator } from './operator.ts'
import { hubsHave, withCore } from './with-core.ts'

const chunkBytes = 256 * 1024
const showMilliseconds = 200

interface Source {
  readonly stream: Readable
  /** In bytes; undefined where it is not known before the end. */
  readonly size: number | undefined
}

/** The file, or standard input for `-`; undefined where it cannot be read. */
const open = (file: string, signal: AbortSignal): Source | undefined => {
  if (file === '-') return { stream: addAbortSignal(signal, process.stdin), size: undefined }
  try {
    accessSync(file, constants.R_OK)
    const facts = statSync(file)
    if (facts.isDirectory()) return undefined
    const stream = createReadStream(file, { signal, highWaterMark: chunkBytes })
    return { stream, size: facts.isFile() ? facts.size : undefined }
  } catch {
    return undefined
  }
}

const isBlank = ({ bytes }: Line): boolean =>
  bytes?.every(byte => byte === 0x20 || byte === 0x09 || byte === 0x0d) ?? false

const clearLine = process.stderr.isTTY ? '\r\u001b[K' : ''

/** Shows how far it is, on a terminal, a few times a second. */
const makeProgress = (size: number | undefined) => {
  let shownAt = 0
  return ({ number, end }: Line): void => {
    const now = Date.now()
    if (!process.stderr.isTTY || now - shownAt < showMilliseconds) return
    shownAt = now
    const share = size === undefined || size === 0 ? '' : `, ${Math.floor((100 * end) / size)} %`
    process.stderr.write(`${clearLine}${number} lines${share}`)
  }
}

const list = (number: number, { resource, id, reason }: Refusal, json: boolean): void => {
  const what = [resource, id].filter(part => part !== undefined).join(' ')
  const text = json
    ? JSON.stringify({ line: number, resource, id, reason })
    : `line ${number}: ${what === '' ? '' : `${what}: `}${reason}`
  process.stderr.write(`${clearLine}${text}\n`)
}

const sayAll = (counts: Readonly<Record<'added' | 'present' | 'refused', number>>, json: boolean): void => {
  const { added, present, refused } = counts
  process.stdout.write(
    json ? `${JSON.stringify(counts)}\n` : `${added} added, ${present} already there, ${refused} refused.\n`,
  )
}

const again = 'Run it again: what is in is not added twice.'

/** Imports what can be read, says what was refused, and gives how it ended. */
const importFrom = async (
  core: Core,
  { stream, size }: Source,
  signal: AbortSignal,
  json: boolean,
): Promise<ExitCode> => {
  const by = contextOfOperator()
  const show = makeProgress(size)
  const counts = { added: 0, present: 0, refused: 0 }
  let position: bigint | undefined
  let last = 0
  let unreadable = false
  let stopped: Extract<Result, { is: 'stopped' }> | undefined

  const works = async function* (): AsyncGenerator<Work<Result>> {
    try {
      for await (const line of linesOf(stream, textLimit)) {
        if (signal.aborted) return
        if (!isBlank(line)) yield workOf(core, line, by)
      }
    } catch {
      unreadable = !signal.aborted
    }
  }

  for await (const result of inOrder(works(), bounds)) {
    const { line } = result
    if (result.is === 'stopped') {
      stopped = result
      break
    }
    counts[result.is] += 1
    last = line.number
    show(line)
    if (result.is === 'refused') list(line.number, result.refusal, json)
    else if (position === undefined || (result.position ?? 0n) > position) position = result.position
  }
  process.stderr.write(clearLine)
  sayAll(counts, json)
  if (stopped !== undefined)
    return complain(
      1,
      `Stopped at line ${stopped.line.number}: ${sentenceOf(stopped.failure)} What is in is not added twice.`,
    )
  if (unreadable) return complain(1, `The file cannot be read on after line ${last}. ${again}`)
  if (signal.aborted) return complain(1, `Interrupted after line ${last}. ${again}`)
  if (position !== undefined && !(await hubsHave(core, position, 'while they go on')))
    process.stderr.write('It is stored, but a running hub has not confirmed it.\n')
  return counts.refused === 0 ? 0 : 1
}

/** `import FILE`: items of every resource, from lines of JSON. */
export const importFile = async (config: Config, file: string, json: boolean): Promise<ExitCode> => {
  const ending = new AbortController()
  const { signal } = ending
  const source = open(file, signal)
  if (source === undefined) return complain(2, `${file} cannot be read.`)
  void untilEndRequested().then(() => ending.abort())
  try {
    return await withCore(config, 'writes', core => importFrom(core, source, signal, json))
  } finally {
    source.stream.destroy()
  }
}
