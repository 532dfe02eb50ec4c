import { z } from 'zod'
import type { JsonObject } from './json.ts'

/** A fact. `credential` names the version of a credential that the fact makes valid; never the secret. */
export interface DomainEvent<Type extends string = string> {
  readonly type: Type
  readonly data: JsonObject
  readonly credential?: string
  /** It was about a person who is forgotten: nobody can read its data any more, and `data` is empty. */
  readonly erased?: true
}

/** Tells the events of some types from all others. */
export const isOneOf = <Type extends string>(
  types: readonly Type[],
): (<Event extends DomainEvent>(event: Event) => event is Event & DomainEvent<Type>) => {
  const names = new Set<string>(types)
  return <Event extends DomainEvent>(event: Event): event is Event & DomainEvent<Type> =>
    names.has(event.type)
}

export const actorShape = z.object({
  kind: z.enum(['person', 'node', 'operator', 'hub']),
  id: z.string(),
  node: z.string().exactOptional(),
})

/** Who did it, taken from the credentials of the request, never from its body. */
export type Actor = Readonly<z.infer<typeof actorShape>>

export interface Metadata {
  /** UUID of the command; the same for all events of one command. */
  readonly commandId: string
  /** Of a request with an `Idempotency-Key`: HMAC-SHA-256 of its method and body. */
  readonly fingerprint?: string
  readonly actor: Actor
  /** The person the thing is about. */
  readonly subject?: string
  readonly requestId: string
  /** Which trace the request was part of: 55 characters (W3C Trace Context, version 00). */
  readonly traceparent?: string
  readonly schemaVersion: number
  /** The hub's clock at append, ISO 8601 in UTC; never before that of the stream's last event. */
  readonly recordedAt: string
  /** When the sender says it happened, ISO 8601 in UTC. */
  readonly occurredAt?: string
}

export interface NewEvent {
  /** UUID v5 of (stream, commandId, index). */
  readonly id: string
  readonly event: DomainEvent
  readonly metadata: Metadata
}

export interface RecordedEvent<Type extends string = string> extends NewEvent {
  readonly event: DomainEvent<Type>
  readonly stream: string
  /** From 0, without gaps. */
  readonly revision: number
  /** Rises strictly in commit order; may exceed 2^53. */
  readonly position: bigint
}
