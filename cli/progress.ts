/** Where progress is shown: standard error, and whether somebody looks at it. */
export interface Terminal {
  readonly isTerminal: boolean
  readonly write: (text: string) => void
  /** In milliseconds. */
  readonly now: () => number
}

export const standardError: Terminal = {
  isTerminal: process.stderr.isTTY === true,
  write: text => process.stderr.write(text),
  now: () => performance.now(),
}

export interface Progress {
  /** Where the work stands, and how much it has been through. */
  readonly show: (position: bigint, count: number) => void
  /** Takes the line away. */
  readonly clear: () => void
}

const showMilliseconds = 200
const clearLine = '\r\u001b[K'

const grouped = new Intl.NumberFormat('en')

/** `0:07`, `12:30`, `1:05:00`. */
const durationOf = (milliseconds: number): string => {
  const seconds = Math.ceil(milliseconds / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`
}

/**
 * Progress on a terminal, a few times a second: how much was done, share, rate, and the time that is left at that rate. Positions are
 * numbers of events on one engine and places in a file on another: the share is that of the way from `from` to `to`. Where
 * the end is not known, the count and the rate are all.
 */
export const makeProgress = (
  from: bigint,
  to: bigint | undefined,
  { isTerminal, write, now }: Terminal = standardError,
  what = 'events',
): Progress => {
  const start = now()
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    show: (position, count) => {
      const time = now()
      if (!isTerminal || time - shownAt < showMilliseconds) return
      shownAt = time
      const elapsed = time - start
      const parts = [`${grouped.format(count)} ${what}`]
      const share = to === undefined || to <= from ? undefined : Number(position - from) / Number(to - from)
      if (share !== undefined) parts.push(`${Math.floor(100 * Math.min(share, 1))} %`)
      if (elapsed > 0) parts.push(`${grouped.format(Math.round((1000 * count) / elapsed))}/s`)
      if (share !== undefined && share > 0 && share <= 1)
        parts.push(`${durationOf((elapsed * (1 - share)) / share)} left`)
      write(`${clearLine}${parts.join(', ')}`)
    },
    clear: () => {
      if (isTerminal && shownAt > Number.NEGATIVE_INFINITY) write(clearLine)
    },
  }
}
