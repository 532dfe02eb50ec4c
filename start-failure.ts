import * as E from '#fp/Either'
import type { AuthUnavailable } from './auth/auth-store.ts'
import type { MasterKeyUnusable } from './auth/master-keys.ts'
import type { Config } from './config.ts'
import type { LogFailure } from './domain/log-failure.ts'
import { type DamagedFile, damagedFileIn, type FileOfNewerRelease, newerFileIn } from './engines.ts'
import type { ReadUnavailable } from './projections/read-unavailable.ts'
import type { MoveUnfinished } from './stores/codec.ts'

/** Why a hub, or a command on its stores, does not start. Nothing was changed. */
export type StartFailure =
  | LogFailure
  | AuthUnavailable
  | ReadUnavailable
  | MoveUnfinished
  | MasterKeyUnusable
  | DamagedFile
  | FileOfNewerRelease
  /** The store of credentials was used with another log: that one's credentials would be swept. */
  | { readonly _tag: 'CredentialsOfAnotherLog' }
  /** The store of credentials holds none, and the log names some. */
  | { readonly _tag: 'CredentialsMissing' }
  | {
      readonly _tag: 'PortUnavailable'
      readonly reason: 'in use' | 'not permitted'
      readonly setting: 'PORT' | 'METRICS_PORT'
    }
  | { readonly _tag: 'Unexpected'; readonly cause: unknown }

const tags: Readonly<Record<StartFailure['_tag'], true>> = {
  LogUnavailable: true,
  EventUnreadable: true,
  AuthUnavailable: true,
  ReadUnavailable: true,
  MoveUnfinished: true,
  MasterKeyUnusable: true,
  DamagedFile: true,
  FileOfNewerRelease: true,
  CredentialsOfAnotherLog: true,
  CredentialsMissing: true,
  PortUnavailable: true,
  Unexpected: true,
}

const isStartFailure = (thrown: unknown): thrown is StartFailure =>
  typeof thrown === 'object' &&
  thrown !== null &&
  '_tag' in thrown &&
  typeof thrown._tag === 'string' &&
  Object.hasOwn(tags, thrown._tag)

/** What a start threw, as what it was; damage is looked at, which may take long for a large file. */
export const startFailureOf = (config: Config, thrown: unknown): StartFailure => {
  const failure: StartFailure = isStartFailure(thrown) ? thrown : { _tag: 'Unexpected', cause: thrown }
  if (!('cause' in failure)) return failure
  return newerFileIn(failure.cause) ?? damagedFileIn(config, failure.cause) ?? failure
}

/** Why a server cannot listen, where it is because of its port. */
export const portFailureOf = (error: Error, setting: 'PORT' | 'METRICS_PORT'): StartFailure => {
  const code = 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return { _tag: 'PortUnavailable', reason: 'in use', setting }
  if (code === 'EACCES') return { _tag: 'PortUnavailable', reason: 'not permitted', setting }
  return { _tag: 'Unexpected', cause: error }
}

/** Ends a start. */
export const fail = (failure: StartFailure): never => {
  throw failure
}

export const orThrow = <A>(either: E.Either<StartFailure, A>): A =>
  E.isRight(either) ? either.right : fail(either.left)
