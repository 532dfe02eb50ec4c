import { z } from 'zod'

/**
 * The facts of a person's erasure. What they say can be read for ever: they hold the account, and nothing else about the person.
 * After the first of them nothing else is recorded of the person.
 */
export const erasureEvents = {
  PersonErased: z.object({ id: z.string(), reason: z.string() }),
  PersonErasureCertified: z.object({ id: z.string(), certificate: z.string() }),
} satisfies Readonly<Record<string, z.ZodType>>

const types: ReadonlySet<string> = new Set(Object.keys(erasureEvents))

/** Whether an event of this type tells of an erasure: its data is never encrypted, and never erased. */
export const isOfErasure = (type: string): boolean => types.has(type)

/** Whether an event of this type says that its person is forgotten from then on. */
export const isErasure = (type: string): boolean => type === 'PersonErased'

/** Whether an event of this type says that a person is, or is no longer, kept from being forgotten. */
export const isOfHold = (type: string): boolean => type === 'PersonHeld' || type === 'PersonHoldLifted'
