import { afterAll, expect, it } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { bySecret, tokenOf, withToken } from '../support/nodes.ts'
import { runCommand, startHubProcess } from '../support/process.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())

const node = (...parameters: readonly string[]) =>
  runCommand(['node', ...parameters, '--data-dir', folder.path])

it('node list shows every node, by its id, when it was last seen, and what it has not taken yet', async () => {
  expect((await node('list')).out).toBe(
    'CLIENT ID  NAME  STATUS  LAST SEEN  INBOX  OLDEST  WEBHOOKS  LAG  DEAD\n',
  )
  const enrolled = await node(
    'enroll',
    'lab',
    '--name',
    'The laboratory',
    '--scopes',
    'messages:read messages:send subscriptions:write people:read',
  )
  await node('enroll', 'clinic', '--name', 'Clinic', '--scopes', 'people:read')
  const hub = await startHubProcess(folder.path, 'node', { ALLOW_PRIVATE_WEBHOOKS: 'on' })
  const token = await tokenOf(hub.url, 'lab', bySecret(JSON.parse(enrolled.out).client_secret))
  const lab = withToken(hub.url, token)
  for (const n of [1, 2])
    expect((await lab.post('/messages', { to: ['lab'], type: 'order', body: { n } })).status).toBe(201)
  const made = await lab.post('/subscriptions', { url: 'http://127.0.0.1:9/', resources: ['people'] })
  expect(made.status).toBe(201)
  await node('suspend', 'clinic')

  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
  expect((await node('list')).out).toMatch(
    new RegExp(
      [
        '^CLIENT ID  NAME            STATUS     LAST SEEN                 INBOX  OLDEST                    WEBHOOKS  LAG  DEAD',
        'clinic     Clinic          suspended  never                     0      -                         -         0    0',
        String.raw`lab        The laboratory  active     ${time}  2      ${time}  active    \d+ +0\n$`,
      ].join('\n'),
    ),
  )
  const json = JSON.parse((await node('list', '--json')).out)
  expect(json).toMatchObject([
    { client_id: 'clinic', name: 'Clinic', status: 'suspended', scopes: ['people:read'], last_seen: null },
    {
      client_id: 'lab',
      status: 'active',
      last_seen: expect.stringMatching(time),
      inbox: { size: 2 },
      subscriptions: [{ status: 'active', deadLetters: 0 }],
    },
  ])
  expect(JSON.stringify(json)).not.toContain('credential')
  await hub.kill('SIGTERM')
})
