import { randomUUID } from 'node:crypto'
import type { EventLog } from '../../commands/event-log.ts'
import { right } from './either.ts'
import { personChanged, personRegistered } from './events.ts'
import type { HubProcesses } from './hub-processes.ts'

/** Streams that are written at the same time. */
const mostTogether = 100

/** Registers people, and changes each so often, one after the other. */
export const appendPeopleTo = async (
  log: Pick<EventLog, 'append'>,
  accounts: readonly string[],
  changes: number,
): Promise<void> => {
  for (let revision = 0; revision <= changes; revision += 1)
    for (let at = 0; at < accounts.length; at += mostTogether)
      await Promise.all(
        accounts.slice(at, at + mostTogether).map(account => {
          const event =
            revision === 0 ? personRegistered(account) : personChanged({ name: `Name ${revision}` })
          const recordedAt = new Date().toISOString()
          const metadata = { ...event.metadata, subject: account, recordedAt }
          return right(
            log.append(`person-${account}`, revision === 0 ? 'no-stream' : revision - 1, [
              { ...event, id: randomUUID(), metadata },
            ]),
          )
        }),
      )
}

/** The same in the log of a hub, as another process of it does. */
export const appendPeople = async (
  processes: Pick<HubProcesses, 'open'>,
  accounts: readonly string[],
  changes: number,
): Promise<void> => {
  const core = await processes.open()
  try {
    await appendPeopleTo(core.ports.log, accounts, changes)
  } finally {
    await core.close()
  }
}

/** So many federation accounts. */
export const accountsOf = (count: number, name = 'HOOK'): readonly string[] =>
  Array.from({ length: count }, (_, n) => `ESP${name}${String(n).padStart(5, '0')}`)
