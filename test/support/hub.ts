import { randomUUID } from 'node:crypto'
import pino from 'pino'
import * as E from '#fp/Either'
import { registerPerson } from '../../cli/operator.ts'
import { type Config, readConfig } from '../../config.ts'
import { type Core, openCore } from '../../core.ts'
import { startHub } from '../../main.ts'
import { basic, type Client, clientOf } from './client.ts'
import { temporaryFolder } from './folder.ts'

export const rootAccount = 'ARGBUE111FAV'
export const rootPassword = 'freedom'

export interface TestHub {
  readonly url: string
  readonly core: Core
  /** Requests as root. */
  readonly root: Client
  /** Requests without credentials. */
  readonly nobody: Client
  readonly as: (account: string, password: string) => Client
  /** Registers a person who can log in, and gives their client. */
  readonly person: (account: string, roles: readonly string[], password?: string) => Promise<Client>
  readonly close: () => Promise<void>
}

export const testConfig = (dataDir: string, settings: Readonly<Record<string, string>> = {}): Config => {
  const read = readConfig({ environment: {}, flag: { DATA_DIR: dataDir, PORT: '0', ...settings } })
  if ('problems' in read) throw new Error(read.problems.join('\n'))
  return read.config
}

/** Registers somebody as the operator does: with any roles. */
export const registerByOperator = async (
  core: Core,
  id: string,
  password: string,
  roles: readonly string[],
): Promise<void> => {
  const registered = await registerPerson(core, id, { roles }, password, {
    actor: { kind: 'operator', id: 'test' },
    requestId: randomUUID(),
    commandId: randomUUID(),
  })
  if (E.isLeft(registered)) throw new Error(registered.left._tag)
}

/** A hub of its own on a free port, with real stores in a folder of its own, and a root. */
export const startTestHub = async (settings: Readonly<Record<string, string>> = {}): Promise<TestHub> => {
  const folder = temporaryFolder()
  const logger = pino({ level: 'silent' })
  const core = await openCore(testConfig(folder.path, settings), logger)
  await registerByOperator(core, rootAccount, rootPassword, ['root'])
  const hub = await startHub(core, logger)
  const as = (account: string, password: string) => clientOf(hub.url, basic(account, password))
  return {
    url: hub.url,
    core,
    root: as(rootAccount, rootPassword),
    nobody: clientOf(hub.url),
    as,
    person: async (account, roles, password = 'gnusolidario') => {
      await registerByOperator(core, account, password, roles)
      return as(account, password)
    },
    close: async () => {
      await hub.close()
      folder.remove()
    },
  }
}
