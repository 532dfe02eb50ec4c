import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startStandIn } from './stand-in.ts'

/** The stand-in as a process of its own, which tests can stop, silence and kill. */
const { values } = parseArgs({ options: { db: { type: 'string' }, port: { type: 'string' } } })
const standIn = await startStandIn({
  journal: join(values.db ?? '.', 'journal'),
  port: Number(values.port ?? 0),
})
process.once('SIGTERM', () => {
  standIn.kill()
  process.exit(0)
})
console.log(`ready esdb://127.0.0.1:${standIn.port()}?tls=false`)
