import { randomUUID } from 'node:crypto'
import { eventStoreDbLog } from '../../stores/eventstoredb/event-log.ts'
import { eventFeedContract } from '../contracts/event-feed.ts'
import { eventLogContract } from '../contracts/event-log.ts'
import { startStandIn } from '../support/eventstoredb/stand-in.ts'

const given = process.env.TEST_EVENTSTORE_URL
const standIn = given === undefined ? await startStandIn() : undefined
const url = given ?? `esdb://127.0.0.1:${standIn?.port()}?tls=false`
const open = async () => eventStoreDbLog({ url, prefix: `test-${randomUUID()}.` })

eventLogContract('EventStoreDB', open)
eventFeedContract('EventStoreDB', open)
