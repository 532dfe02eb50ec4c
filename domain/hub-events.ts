import { z } from 'zod'

const number = z.string().regex(/^(0|[1-9]\d{0,18})$/)

/** The stream of what happened to the log itself. */
export const hubStream = 'hub'

/** Where the positions of an earlier epoch are in this one. */
export const positionsStream = (epoch: number): string => `positions-${epoch}`

/** An event of an earlier epoch: its position then, and now. Numbers as text: they may exceed 2^53. */
export type KeptPosition = readonly [former: string, position: string]

/** The position an event had before it was moved, in its metadata as `former`. */
export const formerShape = z.object({ former: z.object({ epoch: z.int(), position: number }) })

/** Names of the table in parts: every so many events one, and the last. */
export const positionsKept = z.object({ epoch: z.int(), entries: z.array(z.tuple([number, number])) })

export const hubMoved = z.object({
  epoch: z.int(),
  events: z.int(),
  /** SHA-256 (hex) over all events that were moved. */
  digest: z.string(),
})

/**
 * What happens to a log. Its first event is `HubFounded` with its id. A log that was moved from another engine has
 * `HubMoveBegun` right after, and `HubMoved` once all is there.
 */
export const hubEvents = {
  HubFounded: z.object({ id: z.string() }),
  HubMoveBegun: z.object({ epoch: z.int() }),
  HubPositionsKept: positionsKept,
  HubMoved: hubMoved,
} satisfies Readonly<Record<string, z.ZodType>>
