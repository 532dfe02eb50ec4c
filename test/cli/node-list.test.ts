import { afterAll, expect, it } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { bySecret, tokenOf } from '../support/nodes.ts'
import { runCommand, startHubProcess } from '../support/process.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())

const node = (...parameters: readonly string[]) =>
  runCommand(['node', ...parameters, '--data-dir', folder.path])

it('node list shows every node, by its id, and when it was last seen', async () => {
  expect((await node('list')).out).toBe('CLIENT ID  NAME  STATUS  LAST SEEN  SCOPES\n')
  const enrolled = await node(
    'enroll',
    'lab',
    '--name',
    'The laboratory',
    '--scopes',
    'messages:read people:read',
  )
  await node('enroll', 'clinic', '--name', 'Clinic', '--scopes', 'people:read')
  const hub = await startHubProcess(folder.path)
  const token = await tokenOf(hub.url, 'lab', bySecret(JSON.parse(enrolled.out).client_secret))
  await fetch(`${hub.url}/people`, { headers: { Authorization: `Bearer ${token}` } })
  await node('suspend', 'clinic')

  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
  expect((await node('list')).out).toMatch(
    new RegExp(
      [
        '^CLIENT ID  NAME            STATUS     LAST SEEN                 SCOPES',
        'clinic     Clinic          suspended  never                     1',
        `lab        The laboratory  active     ${time}  2\n$`,
      ].join('\n'),
    ),
  )
  const json = JSON.parse((await node('list', '--json')).out)
  expect(json).toMatchObject([
    { client_id: 'clinic', name: 'Clinic', status: 'suspended', scopes: ['people:read'], last_seen: null },
    { client_id: 'lab', status: 'active', last_seen: expect.stringMatching(time) },
  ])
  expect(JSON.stringify(json)).not.toContain('credential')
  await hub.kill('SIGTERM')
})
