import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import pino from 'pino'
import * as E from '#fp/Either'
import { registerRoot } from '../cli/demo.ts'
import { readConfig } from '../config.ts'
import { openCore } from '../core.ts'
import type { MeasuredServer } from './load.ts'
import { fullRebuild } from './rebuild-round.ts'

export interface CreatedStore {
  readonly path: string
  /** Of the node `bench`. */
  readonly clientSecret: string
}

export const basic = (name: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
})
export const rootHeaders = basic('ARGBUE111FAV', 'freedom')

/** A DATA_DIR with a root, a node `bench` with these scopes, and what `fillLog` writes. */
export const createStore = async (
  path: string,
  scopes: readonly string[],
  fillLog: (log: string) => Promise<unknown>,
): Promise<CreatedStore> => {
  const read = readConfig({ environment: {}, flag: { DATA_DIR: path } })
  if ('problems' in read) throw new Error(read.problems.join('\n'))
  const core = await openCore(read.config, pino({ level: 'silent' }))
  await registerRoot(core)
  const enrolled = await core.nodes.enroll(
    {
      clientId: 'bench',
      by: 'all',
      preconditions: {},
      context: { actor: { kind: 'operator', id: 'bench' }, requestId: 'bench', commandId: randomUUID() },
    },
    { client_id: 'bench', name: 'Bench', scopes: [...scopes] },
  )
  if (E.isLeft(enrolled)) throw new Error(enrolled.left._tag)
  await core.close()
  await fillLog(join(path, 'events.db'))
  await fullRebuild(join(path, 'events.db'), join(path, 'read.db'))
  return { path, clientSecret: enrolled.right.secret ?? '' }
}

export const untilReady = async ({ url }: MeasuredServer): Promise<void> => {
  while ((await fetch(`${url}/readyz`)).status !== 200) await new Promise(resolve => setTimeout(resolve, 250))
}
