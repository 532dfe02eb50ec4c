import type { RecordedEvent } from '../domain/event.ts'
import { jsonText } from '../domain/json.ts'

interface Place {
  position: bigint
  isDone: boolean
}

/** What was read of the feed and is under way: the position passes over nothing that is. */
export interface ReadAhead {
  /** How many events are under way, and the characters of their data. */
  readonly events: () => number
  readonly characters: () => number
  /** An event is under way until what this gives is called. */
  readonly add: (event: RecordedEvent) => () => void
  /** Everything up to here is among what was added, or is nothing that was asked for. */
  readonly reached: (position: bigint) => void
}

/** `moveTo` is told of each position that everything up to is done with, and whether events were delivered on the way. */
export const makeReadAhead = (moveTo: (position: bigint, isQuiet: boolean) => void): ReadAhead => {
  const places: Place[] = []
  let [events, characters] = [0, 0]
  const advance = (isQuiet: boolean) => {
    let reached: bigint | undefined
    while (places[0]?.isDone) reached = places.shift()?.position
    if (reached !== undefined) moveTo(reached, isQuiet)
  }
  return {
    events: () => events,
    characters: () => characters,
    add: ({ position, event }) => {
      const place: Place = { position, isDone: false }
      const size = jsonText(event.data).length
      places.push(place)
      events += 1
      characters += size
      return () => {
        place.isDone = true
        events -= 1
        characters -= size
        advance(false)
      }
    },
    reached: position => {
      const last = places.at(-1)
      if (last?.isDone) last.position = position
      else places.push({ position, isDone: true })
      advance(true)
    },
  }
}
