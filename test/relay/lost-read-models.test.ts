import { rmSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, expect, it } from 'vitest'
import { openCore } from '../../core.ts'
import { startHub } from '../../main.ts'
import { basic, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { registerByOperator, rootAccount, rootPassword, testConfig } from '../support/hub.ts'
import { enroll } from '../support/nodes.ts'
import { startSink } from '../support/sink.ts'

const folder = temporaryFolder()
const sink = await startSink()
afterEach(async () => {
  await sink.close()
  folder.remove()
})

const openHub = async () => {
  const logger = pino({ level: 'silent' })
  const core = await openCore(testConfig(folder.path, { ALLOW_PRIVATE_WEBHOOKS: 'on' }), logger)
  const hub = await startHub(core, logger)
  return { core, root: clientOf(hub.url, basic(rootAccount, rootPassword)), close: hub.close }
}

it('a subscriber is sent what comes also after the read models were deleted, however often the hub was started', async () => {
  const first = await openHub()
  await registerByOperator(first.core, rootAccount, rootPassword, ['root'])
  await enroll(first.root, 'subscriber', ['subscriptions:write', 'people:read'])
  await first.root.post('/subscriptions', { node: 'subscriber', url: sink.url, resources: ['people'] })
  await first.root.post('/people/ESPHOOK001ORG', { name: 'Ana' })
  await sink.untilTaken(1)
  await first.close()

  const second = await openHub()
  await second.root.post('/people/ESPHOOK002ORG', { name: 'Eva' })
  await sink.untilTaken(2)
  await second.close()

  for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder.path, `read.db${suffix}`), { force: true })
  const third = await openHub()
  await third.root.post('/people/ESPHOOK003ORG', { name: 'Mia' })
  await sink.untilTaken(3)
  await third.close()
  expect(sink.taken().map(({ entry }) => entry.id)).toEqual([
    'ESPHOOK001ORG',
    'ESPHOOK002ORG',
    'ESPHOOK003ORG',
  ])
})
