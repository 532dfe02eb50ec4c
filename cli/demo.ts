import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import { sentenceOf } from '../api/http/problem.ts'
import type { Config } from '../config.ts'
import { type Core, openCore } from '../core.ts'
import { hubStream } from '../domain/hub-events.ts'
import type { JsonObject } from '../domain/json.ts'
import { makeLogger } from '../logger.ts'
import { startHub } from '../main.ts'
import { makeMetrics } from '../metrics/prometheus.ts'
import { startFailureOf } from '../start-failure.ts'
import type { ExitCode } from './command.ts'
import { untilEndRequested } from './end-request.ts'
import { complain, registerPerson } from './operator.ts'
import { startProblem } from './start-problem.ts'

const root = { id: 'ARGBUE111FAV', password: 'freedom' }

/** The original's demo accounts. */
const demoPeople: readonly (readonly [string, JsonObject])[] = [
  [
    'ITAPYT999HON',
    {
      name: 'Cameron',
      lastname: 'Cordara',
      gender: 'm',
      dob: '1975-03-01',
      roles: ['end_user', 'health_professional'],
      password: 'gnusolidario',
    },
  ],
  [
    'ESPGNU777ORG',
    {
      name: 'Ana',
      lastname: 'Betz',
      gender: 'f',
      dob: '1985-10-04',
      roles: ['end_user'],
      password: 'gnusolidario',
    },
  ],
]

const demoPages: readonly (readonly [string, string, JsonObject])[] = [
  [
    'ESPGNU777ORG',
    '41b9662b-8f85-412b-8254-8b854f6405c7',
    {
      page_date: '2021-05-06T20:59:41.123456',
      domain: 'medical',
      context: 'self_monitoring',
      measurements: [{ bp: { systolic: 120, diastolic: 80 } }, { hr: 70 }],
      node: 'mygnuhealth',
      author: 'ESPGNU777ORG',
      author_acct: 'ESPGNU777ORG',
    },
  ],
  [
    'ESPGNU777ORG',
    '8d5e2c1f-0f6b-4b0f-9a55-2b1c9a4d7e10',
    {
      page_date: '2024-01-02T03:04:05',
      page_type: 'medical',
      medical_context: 'encounter',
      relevance: 'important',
      health_condition_code: 'O80',
      health_condition_text: 'Encounter for full-term uncomplicated delivery',
      summary: 'Vaginal delivery without complications',
      author: 'Cordara, Cameron',
      author_acct: 'ITAPYT999HON',
    },
  ],
  [
    'ITAPYT999HON',
    'c2a7f1de-6f3a-4f0e-8a8c-5f0f3f1f7a21',
    { page_date: '2023-09-15', page_type: 'biographical', context: 'misc', summary: 'Moved to Las Palmas' },
  ],
]

/** Registers the demo's root as an operator does; gives what went wrong, if anything did. */
export const registerRoot = async (core: Core): Promise<string | undefined> => {
  const registered = await registerPerson(
    core,
    root.id,
    { name: 'Favio', lastname: 'Demo', roles: ['root'] },
    root.password,
    { actor: { kind: 'operator', id: 'demo' }, requestId: randomUUID(), commandId: randomUUID() },
  )
  return E.isLeft(registered) ? sentenceOf(registered.left) : undefined
}

const post = async (url: string, path: string, body: JsonObject): Promise<void> => {
  const credentials = Buffer.from(`${root.id}:${root.password}`).toString('base64')
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { Authorization: `Basic ${credentials}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`POST ${path} was answered ${answer.status}`)
}

const fill = async (url: string): Promise<void> => {
  for (const [id, person] of demoPeople) await post(url, `/people/${id}`, person)
  for (const [book, id, page] of demoPages) await post(url, `/pols/${book}/${id}`, page)
}

/** Runs a hub on a fresh log, with people and books to look at. */
export const demo = async (given: Config): Promise<ExitCode> => {
  const endRequest = untilEndRequested()
  const config: Config = { ...given, host: '127.0.0.1', tls: undefined }
  const logger = makeLogger(config.logLevel)
  try {
    const core = await openCore(config, logger, makeMetrics('a hub and its process'))
    const head = await core.ports.feed.head()
    const founded = await core.ports.log.last(hubStream)
    if (E.isLeft(head) || E.isLeft(founded) || head.right !== founded.right?.position) {
      await core.close()
      const [where, name] =
        config.eventStore === undefined
          ? [config.dataDir, 'a fresh folder with --data-dir']
          : ['The event store', 'an unused STREAM_PREFIX, and an unused database in MONGODB_URL']
      return complain(1, `${where} holds events already: the demo takes a fresh log only. Name ${name}.`)
    }
    const hub = await startHub(core, logger)
    try {
      const problem = await registerRoot(core)
      if (problem !== undefined) throw new Error(problem)
      await fill(hub.url)
    } catch (error) {
      await hub.close()
      throw error
    }
    process.stdout.write(`listening on ${hub.url}
Log in with HTTP Basic as
  ARGBUE111FAV  freedom       root
  ITAPYT999HON  gnusolidario  Cameron Cordara, health professional
  ESPGNU777ORG  gnusolidario  Ana Betz, whose book of life has two pages
Try: curl -u ESPGNU777ORG:gnusolidario ${hub.url}/pols/ESPGNU777ORG
`)
    await endRequest
    await hub.close()
    return 0
  } catch (thrown) {
    process.stderr.write(`${startProblem(config, startFailureOf(config, thrown))}\n`)
    return 1
  }
}
