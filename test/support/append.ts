/** Another process that appends a person to a log: `append.ts FILE ID`. Says when it has. */
import { openLog } from '../../stores/codec.ts'
import { sqliteLog } from '../../stores/sqlite/event-log.ts'
import { right } from './either.ts'
import { personRegistered } from './events.ts'
import { testKeys } from './keys.ts'

const [path = '', id = ''] = process.argv.slice(2)
const stored = sqliteLog(path)
const { log } = await right(openLog(stored, testKeys))
await right(log.append(`person-${id}`, 'no-stream', [personRegistered(id)]))
process.stdout.write(String(Date.now()))
await stored.close()
