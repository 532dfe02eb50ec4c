import type { ExitCode } from '../command.ts'
import type { ReplayFailure } from './run.ts'

/** Where a command says what came of it. */
export interface Voice {
  /** A sentence for the person, on standard error. */
  readonly complain: (sentence: string) => void
  /** The command as it was given: its words. */
  readonly words: readonly string[]
}

const quotedWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`

/** The command again; with another `--after` where it is to begin later. */
const commandOf = (words: readonly string[], after?: string): string => {
  const at = words.findIndex(word => word === '--after' || word.startsWith('--after='))
  const without = after === undefined || at < 0 ? words : words.toSpliced(at, words[at] === '--after' ? 2 : 1)
  const all = after === undefined ? without : [...without, '--after', after]
  return `npm run -s thalamus -- ${all.map(quotedWord).join(' ')}`
}

const reasonOf = (failure: ReplayFailure): string => {
  switch (failure._tag) {
    case 'HistoryFailure':
    case 'FoldFailed':
      return failure.sentence
    case 'Interrupted':
      return 'Interrupted.'
    case 'OutputClosed':
      return 'The output was closed.'
    case 'WriteFailed':
      return failure.code === 'ENOSPC'
        ? 'The disk is full.'
        : `It cannot be written (${failure.code ?? 'unknown reason'}).`
  }
}

/** Says why a replay ended early, and how to go on. */
export const endEarly = (
  { complain, words }: Voice,
  last: string | undefined,
  failure: ReplayFailure,
  file: string | undefined,
): ExitCode => {
  // Whoever reads has enough, such as `head`.
  if (failure._tag === 'OutputClosed') return 0
  const reason = reasonOf(failure)
  if (failure._tag === 'HistoryFailure' && failure.is === 'wrong option') {
    complain(reason)
    return 2
  }
  if (failure._tag === 'FoldFailed') complain(reason)
  else if (file !== undefined)
    complain(
      `${reason} ${file} ends with a whole line${last === undefined ? '' : `, that of ${last}`}. This goes on behind it:\n  ${commandOf(words)}`,
    )
  else if (last === undefined) complain(`${reason} Nothing was written.`)
  else
    complain(`${reason} All up to ${last} was written. This goes on behind it:\n  ${commandOf(words, last)}`)
  return 1
}
