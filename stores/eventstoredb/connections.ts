import { type Credentials, EventStoreDBClient } from '@eventstore/db-client'
import { credentialsOf, eventStoreUrlProblem } from './address.ts'
import { settleWithin } from './settle-within.ts'

/** A silent server is given up after twice this, in milliseconds. */
const keepAlive = 2_000
/** A server takes 100 calls a connection at once, and a subscription is one that lasts. */
const followersEach = 50
const disposeMilliseconds = 2_000

/**
 * The client warns on the console of a short keep-alive, and, with the whole connection string and its password, of
 * options it does not know.
 */
const quietly = (url: string): EventStoreDBClient => {
  const { warn } = console
  console.warn = () => {}
  try {
    return EventStoreDBClient.connectionString(url)
  } catch {
    throw new Error(
      'the event store’s address must have options that the client knows, with values they can have',
    )
  } finally {
    console.warn = warn
  }
}

const withKeepAlive = (url: string, interval: number): string => {
  const trimmed = url.trim().replace(/\/+$/, '')
  return `${trimmed}${trimmed.includes('?') ? '&' : '?'}keepAliveInterval=${interval}&keepAliveTimeout=${keepAlive}`
}

export interface Lent {
  readonly client: EventStoreDBClient
  readonly giveBack: () => void
}

export interface Connections {
  /** For appends and reads. */
  readonly client: EventStoreDBClient
  /** Given with an append they keep the client from its batch call, whose time cannot be limited. */
  readonly credentials: Credentials
  /** A connection for one follower. */
  readonly lend: () => Lent
  readonly close: () => Promise<void>
}

/** Connections that are made when they are first used. Throws an error without the string for one that will not do. */
export const makeConnections = (url: string): Connections => {
  const problem = eventStoreUrlProblem(url)
  if (problem !== undefined) throw new Error(`the event store’s address ${problem}`)
  // Clients of equal settings would share one connection.
  const connect = (number: number) => quietly(withKeepAlive(url, keepAlive + number))
  const client = connect(0)
  const lending: { client: EventStoreDBClient; followers: number }[] = []
  return {
    client,
    credentials: credentialsOf(url),
    lend: () => {
      let free = lending.find(({ followers }) => followers < followersEach)
      if (free === undefined) {
        free = { client: connect(lending.length + 1), followers: 0 }
        lending.push(free)
      }
      const one = free
      one.followers += 1
      return {
        client: one.client,
        giveBack: () => {
          one.followers -= 1
        },
      }
    },
    close: async () => {
      const disposed = Promise.all([client, ...lending.map(({ client }) => client)].map(one => one.dispose()))
      // It was seen to hang.
      await settleWithin(disposeMilliseconds, disposed)
    },
  }
}
