import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../support/describe-unless.ts'
import { temporaryFolder } from '../support/folder.ts'
import { commandsIn, guideText } from '../support/guide.ts'
import { oddOriginal } from '../support/original.ts'
import { freePort, noPostgresql, type Postgresql, startPostgresql } from '../support/postgresql.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const guide = guideText('docs/coming-over.md')
const blocks = commandsIn(guide)
const [
  settings = '',
  look = '',
  map = '',
  first = '',
  correct = '',
  last = '',
  serve = '',
  ask = '',
  keep = '',
] = blocks

const missing =
  noPostgresql() ?? (spawnSync('openssl', ['version']).status === 0 ? undefined : 'openssl is not installed')

/** Milliseconds: nine commands, each a process of its own, on a machine that may do other things. */
const patience = 240_000

/** The original's `roles.cfg` as it was shipped, with the document routes that it forgot. */
const own = ['login', 'people', 'person', 'book', 'page', 'password', 'personaldocs']
const roles = [
  {
    role: 'end_user',
    permissions: {
      GET: own,
      PATCH: ['person', 'page'],
      POST: ['page', 'password'],
      DELETE: [],
      global: 'False',
    },
  },
  {
    role: 'health_professional',
    permissions: {
      GET: own,
      PATCH: ['person', 'page'],
      POST: ['person', 'page'],
      DELETE: [],
      global: 'True',
    },
  },
  {
    role: 'root',
    permissions: { GET: own, PATCH: own, POST: own, DELETE: ['person', 'page'], global: 'True' },
  },
]

describeUnless(missing, 'the guide for coming over', () => {
  const folder = temporaryFolder()
  let postgresql: Postgresql
  let port: number

  beforeAll(async () => {
    postgresql = await startPostgresql()
    await postgresql.make('federation', oddOriginal)
    port = await freePort()
    mkdirSync(`${folder.path}/etc`)
    writeFileSync(`${folder.path}/etc/roles.cfg`, JSON.stringify(roles))
    const files = `-keyout ${folder.path}/etc/privkey.pem -out ${folder.path}/etc/fullchain.pem`
    const names = '-subj /CN=localhost -addext subjectAltName=DNS:localhost'
    execFileSync('openssl', `req -x509 -newkey rsa:2048 -nodes ${names} ${files}`.split(' '), {
      stdio: 'ignore',
    })
  })
  afterAll(async () => {
    await postgresql.remove()
    folder.remove()
  })

  /** A block as it is printed, for this test's database, folder and port. */
  const scriptOf = (block: string): string =>
    `${settings}${block}`
      .replaceAll('postgresql://gnuhealth@db.example.org/federation', postgresql.urlOf('federation', ''))
      .replaceAll('/var/lib/thalamus', `${folder.path}/data`)
      .replaceAll('/etc/thalamus', `${folder.path}/etc`)
      .replaceAll(
        /(?:\.\/)?\b(look|first|last|words\.json|since-the-switch\.ndjson)(?=[\s/]|$)/g,
        `${folder.path}/$1`,
      )
      .replaceAll('HOST=0.0.0.0', 'HOST=127.0.0.1')
      .replaceAll('PORT=8443', `PORT=${port}`)
      .replaceAll('federation.example.org:8443', `localhost:${port}`)
      .replaceAll('curl ', 'curl -sS ')
      .replaceAll(/--since \S+/g, `--since ${new Date(Date.now() - 3_600_000).toISOString()}`)

  const environment = () => ({
    ...process.env,
    PGPASSWORD: postgresql.password,
    CURL_CA_BUNDLE: `${folder.path}/etc/fullchain.pem`,
  })

  const run = (
    block: string,
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }> =>
    new Promise(resolve => {
      execFile(
        'bash',
        ['--norc', '-euc', scriptOf(block)],
        { cwd: root, env: environment() },
        (error, out, err) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
      )
    })

  it(
    'leads from a look at the original to a hub in its place, with commands that work as printed',
    async () => {
      expect(blocks).toHaveLength(9)
      expect(await run(look)).toMatchObject({ code: 1, out: expect.stringMatching(/^people +15 +10 /m) })
      expect(await run(map)).toEqual({ code: 0, out: '', err: '' })
      expect(await run(first)).toMatchObject({ code: 1, out: expect.stringMatching(/^people +15 +11 /m) })
      const corrected = await run(correct)
      expect(corrected.code).toBe(1)
      expect(corrected.out).toMatch(/^2 added, 1 already there, \d+ refused\.\n$/)

      await postgresql.make('federation', [
        'UPDATE pols SET data = data || \'{"summary": "amended"}\' WHERE id = \'p-my\'',
      ])
      const switched = await run(last)
      expect(switched).toMatchObject({ code: 1, out: expect.stringMatching(/^pols +10 +0 +1 +5 +0 +4$/m) })
      expect(switched.out).toMatch(/^pols +6 +0 +0 +0$/m)

      const hub = spawn(
        'bash',
        [
          '--norc',
          '-euc',
          scriptOf(serve.replace('npm start', 'exec node_modules/.bin/node cli/main.ts serve')),
        ],
        {
          cwd: root,
          env: environment(),
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      )
      const ended = once(hub, 'exit')
      try {
        const [line] = await once(createInterface({ input: hub.stdout }), 'line')
        expect(line).toBe(`listening on https://127.0.0.1:${port}`)
        const answers = (await run(ask)).out
        expect(answers).toContain('"position"')
        expect(answers).toContain('"lastname":"Betz"')
      } finally {
        hub.kill('SIGTERM')
        await ended
      }

      expect((await run(keep)).code).toBe(0)
      expect(readFileSync(`${folder.path}/since-the-switch.ndjson`, 'utf8')).toContain('"summary":"amended"')
    },
    patience,
  )
})
