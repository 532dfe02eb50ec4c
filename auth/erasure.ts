import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { ContentStore } from '../commands/content-store.ts'
import type { EventLog } from '../commands/event-log.ts'
import type { CommandContext, CommandFailure, Outcome } from '../commands/handle.ts'
import type { WriteItem } from '../commands/items.ts'
import { isErasure } from '../domain/erasure.ts'
import { type ErasureCommand, erasureDecider, erasureRefusal } from '../domain/erasure-decider.ts'
import type { ItemState } from '../domain/item.ts'
import type { LogFailure, LogUnavailable } from '../domain/log-failure.ts'
import { people } from '../domain/people.ts'
import { type Identity, type Resource, streamOf } from '../domain/resource.ts'
import type { EventAbout } from '../projections/past.ts'
import type { ReadUnavailable } from '../projections/read-unavailable.ts'
import type { AuthStore, AuthUnavailable } from './auth-store.ts'
import { type CertificateClaims, readCertificate, signCertificate } from './erasure-certificate.ts'
import { openSigningKeys } from './signing-keys.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** The person is forgotten, but not all that follows is done yet: a repeat, or the hub itself, finishes it. */
export interface ErasureUnfinished {
  readonly _tag: 'ErasureUnfinished'
}

export type ErasureFailure = CommandFailure | AuthUnavailable | ReadUnavailable | ErasureUnfinished

export interface ErasureDependencies {
  readonly log: Pick<EventLog, 'last'>
  readonly writeItem: WriteItem
  readonly readItem: (resource: Resource, identity: Identity) => Promise<E.Either<LogFailure, ItemState>>
  readonly keys: Pick<SubjectKeys, 'destroy'>
  readonly contents: Pick<ContentStore, 'removeAllOf'>
  readonly store: AuthStore
  readonly hub: string
  readonly head: () => Promise<E.Either<LogUnavailable, bigint>>
  /** Whether the read models come to this position in time. */
  readonly haveReached: (position: bigint) => Promise<boolean>
  /** Nothing of what was replaced in the read models is left on the disk. */
  readonly purge: () => Promise<E.Either<ReadUnavailable | ErasureUnfinished, void>>
  /** Every event about a person that the history has, in any order. */
  readonly eventsAbout: (account: string) => Promise<E.Either<ReadUnavailable, readonly EventAbout[]>>
  /** How many events of these streams about the person are stored in clear. */
  readonly countClear: (
    account: string,
    streams: readonly string[],
  ) => Promise<E.Either<LogUnavailable, number>>
  readonly formatPosition: (position: bigint) => string
}

type PersonWrite = {
  readonly identity: Identity
  readonly conditional: boolean
  readonly context: CommandContext
}

export interface ErasureRequest {
  readonly reason: string
  /** Also where events remain that can be read, for they were recorded before the hub encrypted. */
  readonly knowing: boolean
}

export interface Certified {
  readonly certificate: string
  readonly claims: CertificateClaims
}

export interface Erasing {
  /** Forgets a person. Repeatable: what was left undone is done, and the certificate is the same. */
  readonly erase: (
    write: PersonWrite,
    request: ErasureRequest,
  ) => Promise<E.Either<ErasureFailure, Outcome<ItemState> & Certified>>
  /** Forgets a person of whom a certificate says so, whatever they are on this log. */
  readonly eraseAgain: (
    write: PersonWrite,
    reason: string,
  ) => Promise<E.Either<ErasureFailure, Outcome<ItemState> & Certified>>
  /** Does what is left undone of an erasure that the log has. */
  readonly finish: (account: string) => Promise<E.Either<ErasureFailure, Certified>>
  readonly hold: (
    write: PersonWrite,
    reason: string | undefined,
  ) => Promise<E.Either<CommandFailure, Outcome<ItemState>>>
}

/** Positions that a certificate lists: an event that holds it, in base64, must not be larger than the 1 MiB that a log takes. */
export const mostPositions = 10_000

const remains = [
  'the account, as the name of its person',
  'the ids of what was recorded about the person',
  'when events about the person were recorded, and of which kind they are',
  'who recorded them, by which request',
]

/**
 * Forgets people. The order: the fact, the key, the contents, the read models, the certificate. The projector removes what it
 * has made of somebody when it comes to the fact; the rest is done here. Each step can be done again.
 */
export const erasing = (dependencies: ErasureDependencies): Erasing => {
  const { log, writeItem, readItem, keys, contents, store, head, haveReached, purge } = dependencies
  const unfinished: E.Either<ErasureUnfinished, never> = E.left({ _tag: 'ErasureUnfinished' })

  const run = (
    write: PersonWrite,
    command: ErasureCommand,
    confirm?: (state: ItemState) => Promise<E.Either<ErasureFailure, void>>,
  ): Promise<E.Either<ErasureFailure, Outcome<ItemState>>> =>
    writeItem<ErasureFailure, ErasureCommand>({
      ...write,
      resource: people,
      decider: erasureDecider,
      prepare: async state => {
        const confirmed = erasureRefusal(command, state) === undefined ? await confirm?.(state) : undefined
        return confirmed !== undefined && E.isLeft(confirmed) ? confirmed : E.right(command)
      },
    })

  const streamsOf = (events: readonly EventAbout[]) => [...new Set(events.map(({ stream }) => stream))]

  /** Events in clear stay readable for whoever has the log: who forgets somebody must know. */
  const nothingInClear =
    (account: string) =>
    async (state: ItemState): Promise<E.Either<ErasureFailure, void>> => {
      if (state.is === 'erased') return E.right(undefined)
      const end = await head()
      if (E.isLeft(end)) return end
      if (!(await haveReached(end.right))) return unfinished
      const events = await dependencies.eventsAbout(account)
      if (E.isLeft(events)) return events
      const clear = await dependencies.countClear(account, streamsOf(events.right))
      if (E.isLeft(clear) || clear.right === 0) return E.map(() => undefined)(clear)
      return E.left({
        _tag: 'WrongState',
        detail: `${clear.right} events about the person were recorded before this hub encrypted, and stay in the log in clear. Move the hub to another engine to be rid of them, or forget the person knowing that: "knowing": true.`,
      })
    }

  const claimsOf = async (
    account: string,
    fact: NonNullable<Extract<Awaited<ReturnType<typeof log.last>>, { _tag: 'Right' }>['right']>,
  ): Promise<E.Either<ErasureFailure, CertificateClaims>> => {
    const all = await dependencies.eventsAbout(account)
    if (E.isLeft(all)) return all
    const events = all.right.filter(({ position }) => position < fact.position)
    const clear = await dependencies.countClear(account, streamsOf(events))
    if (E.isLeft(clear)) return clear
    const positions = events.map(({ position }) => position).toSorted((a, b) => (a < b ? -1 : 1))
    return E.right({
      hub: dependencies.hub,
      account,
      reason: String(fact.event.data.reason),
      erasedBy: fact.metadata.actor,
      erasedAt: fact.metadata.recordedAt,
      events: positions.length - clear.right,
      positions: positions.slice(0, mostPositions).map(dependencies.formatPosition),
      inClear: clear.right,
      contents: events.filter(({ holdsContent }) => holdsContent).length,
      remains,
    })
  }

  const certify = async (account: string): Promise<E.Either<ErasureFailure, void>> => {
    const last = await log.last(streamOf(people, { id: account }))
    if (E.isLeft(last)) return last
    const fact = last.right
    // There is a certificate already.
    if (fact === undefined || !isErasure(fact.event.type)) return E.right(undefined)
    const claims = await claimsOf(account, fact)
    if (E.isLeft(claims)) return claims
    const signing = await openSigningKeys(store)
    if (E.isLeft(signing)) return signing
    const [key] = signing.right
    if (key === undefined) return unfinished
    const certificate = await signCertificate(key, claims.right)
    const context: CommandContext = {
      actor: { kind: 'hub', id: 'thalamus' },
      requestId: fact.metadata.requestId,
      commandId: randomUUID(),
    }
    const write = { identity: { id: account }, conditional: false, context }
    return E.map(() => undefined)(await run(write, { _tag: 'Certify', id: account, certificate }))
  }

  const finish: Erasing['finish'] = async account => {
    const stream = streamOf(people, { id: account })
    const fact = await log.last(stream)
    if (E.isLeft(fact)) return fact
    const destroyed = await keys.destroy(account)
    if (E.isLeft(destroyed)) return destroyed
    const removed = await contents.removeAllOf(account)
    if (E.isLeft(removed)) return unfinished
    if (!(await haveReached(fact.right?.position ?? 0n))) return unfinished
    const purged = await purge()
    if (E.isLeft(purged)) return purged
    const certified = await certify(account)
    if (E.isLeft(certified)) return certified
    const state = await readItem(people, { id: account })
    if (E.isLeft(state)) return state
    const certificate = state.right.is === 'erased' ? state.right.certificate : undefined
    const read = certificate === undefined ? undefined : await readCertificate(certificate)
    return certificate === undefined || read === undefined || E.isLeft(read)
      ? unfinished
      : E.right({ certificate, claims: read.right.claims })
  }

  const eraseAndFinish = async (
    write: PersonWrite,
    command: ErasureCommand,
    confirm?: (state: ItemState) => Promise<E.Either<ErasureFailure, void>>,
  ) => {
    const outcome = await run(write, command, confirm)
    if (E.isLeft(outcome)) return outcome
    const finished = await finish(write.identity.id)
    return E.map((certified: Certified) => ({ ...outcome.right, ...certified }))(finished)
  }

  return {
    erase: (write, { reason, knowing }) => {
      const { id } = write.identity
      return eraseAndFinish(write, { _tag: 'Erase', id, reason }, knowing ? undefined : nothingInClear(id))
    },
    eraseAgain: (write, reason) =>
      eraseAndFinish(write, { _tag: 'EraseAgain', id: write.identity.id, reason }),
    finish,
    hold: (write, reason) =>
      writeItem<never, ErasureCommand>({
        ...write,
        resource: people,
        decider: erasureDecider,
        prepare: async () => E.right(reason === undefined ? { _tag: 'LiftHold' } : { _tag: 'Hold', reason }),
      }),
  }
}
