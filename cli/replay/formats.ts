import { feedCsvHead, feedCsvRows } from '../../projections/feed-csv.ts'
import type { HistoryEvent } from './history.ts'
import type { Format } from './request.ts'

/** How history is written: a line an event. */
export interface LineFormat {
  /** The line before the first event; empty where there is none. */
  readonly head: string
  readonly textOf: (events: readonly HistoryEvent[]) => string
  /** The position of the event that a line is of; undefined where it is none. */
  readonly positionIn: (line: string) => string | undefined
}

const isPosition = (text: unknown): text is string => typeof text === 'string' && /^\w+-\d+-\d+$/.test(text)

const positionInJson = (line: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(line)
    const position = typeof value === 'object' && value !== null && 'position' in value && value.position
    return isPosition(position) ? position : undefined
  } catch {
    return undefined
  }
}

const positionInRow = (line: string): string | undefined => {
  const [first] = line.split(',', 1)
  return isPosition(first) ? first : undefined
}

export const lineFormats: Readonly<Record<Format, LineFormat>> = {
  ndjson: {
    head: '',
    textOf: events => events.map(event => `${event.json()}\n`).join(''),
    positionIn: positionInJson,
  },
  csv: {
    head: feedCsvHead,
    textOf: events => feedCsvRows(events.map(event => event.entry())),
    positionIn: positionInRow,
  },
}
