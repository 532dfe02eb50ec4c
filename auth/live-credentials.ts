import { type Account, evolveAccount, isPersonEvent } from '../domain/account.ts'
import type { RecordedEvent } from '../domain/event.ts'
import type { JsonObject } from '../domain/json.ts'
import { evolveNode, isNodeEvent, parseNode } from '../domain/nodes.ts'
import { keyOfStream } from '../domain/resource.ts'
import { liveSecrets, nodeAccount } from './standing.ts'

/** The version of a credential, under the account that the store of credentials has it by. */
export type CredentialName = readonly [account: string, version: string]

export interface LiveCredentials {
  /** Takes in an event of the log, in its order. */
  readonly add: (recorded: RecordedEvent) => void
  /** Those that open something as of the last event. */
  readonly all: () => Iterable<CredentialName>
}

/** A person's account as far as its credential goes: whether they may log in at all is not asked. */
const accountWith = (credential: string | undefined): Account => ({
  active: true,
  roles: [],
  ...(credential === undefined ? {} : { credential }),
})

/** Which credentials the log names and has not superseded. Holds a text for each person and what each node is. */
export const makeLiveCredentials = (): LiveCredentials => {
  const people = new Map<string, string>()
  const nodes = new Map<string, JsonObject>()
  return {
    add: ({ stream, event }) => {
      const key = keyOfStream(stream)
      if (isPersonEvent(event)) {
        const credential = evolveAccount(accountWith(people.get(key)), event)?.credential
        if (credential === undefined) people.delete(key)
        else people.set(key, credential)
      } else if (isNodeEvent(event)) {
        const node = evolveNode(nodes.get(key), event)
        if (node !== undefined) nodes.set(key, node)
      }
    },
    all: function* () {
      yield* people
      for (const [clientId, node] of nodes)
        for (const version of liveSecrets(parseNode(node))) yield [nodeAccount(clientId), version]
    },
  }
}
