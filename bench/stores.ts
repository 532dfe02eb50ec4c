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
  /** Of the first of its nodes. */
  readonly clientSecret: string
  /** Of each of its nodes. */
  readonly clientSecrets: ReadonlyMap<string, string>
}

export const basic = (name: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
})
export const rootHeaders = basic('ARGBUE111FAV', 'freedom')

/** A DATA_DIR with a root, nodes with these scopes, and what `fillLog` writes. */
export const createStore = async (
  path: string,
  scopes: readonly string[],
  fillLog: (log: string) => Promise<unknown>,
  nodes: readonly string[] = ['bench'],
): Promise<CreatedStore> => {
  const read = readConfig({ environment: {}, flag: { DATA_DIR: path } })
  if ('problems' in read) throw new Error(read.problems.join('\n'))
  const core = await openCore(read.config, pino({ level: 'silent' }))
  await registerRoot(core)
  const clientSecrets = new Map<string, string>()
  for (const id of nodes) {
    const enrolled = await core.nodes.enroll(
      {
        clientId: id,
        by: 'all',
        preconditions: {},
        context: { actor: { kind: 'operator', id: 'bench' }, requestId: 'bench', commandId: randomUUID() },
      },
      { client_id: id, name: 'Bench', scopes: [...scopes] },
    )
    if (E.isLeft(enrolled)) throw new Error(enrolled.left._tag)
    clientSecrets.set(id, enrolled.right.secret ?? '')
  }
  await core.close()
  await fillLog(join(path, 'events.db'))
  await fullRebuild(join(path, 'events.db'), join(path, 'read.db'))
  const [clientSecret = ''] = clientSecrets.values()
  return { path, clientSecret, clientSecrets }
}

export const untilReady = async ({ url }: MeasuredServer): Promise<void> => {
  while ((await fetch(`${url}/readyz`)).status !== 200) await new Promise(resolve => setTimeout(resolve, 250))
}
