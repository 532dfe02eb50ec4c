import { afterAll, beforeAll, expect, it } from 'vitest'
import { basic, clientOf } from '../support/client.ts'
import { describeUnless } from '../support/describe-unless.ts'
import { type Engines, noEngines, servers, startEngines } from '../support/engines.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runCommand, startHubProcess } from '../support/process.ts'

describeUnless(noEngines(servers), `a demo on ${servers.join(' and ')}`, () => {
  const folder = temporaryFolder()
  let engines: Engines
  beforeAll(async () => {
    engines = await startEngines(servers)
  })
  afterAll(async () => {
    await engines.stop()
    folder.remove()
  })

  it('runs on a fresh log only, and names the settings where another one is found', async () => {
    const hub = await startHubProcess(folder.path, 'node', engines.settings, 'demo')
    const ana = clientOf(hub.url, basic('ESPGNU777ORG', 'gnusolidario'))
    expect((await ana.get('/pols/ESPGNU777ORG')).json).toHaveLength(2)
    expect(await (await fetch(`${hub.url}/metrics`)).text()).toContain('# TYPE ')
    await hub.kill('SIGTERM')
    const parameters = ['demo', '--data-dir', folder.path, '--port', '0']
    const again = await runCommand(parameters, '', 'node', engines.settings)
    expect(again).toMatchObject({ code: 1, out: '', err: expect.stringContaining('STREAM_PREFIX') })
  })
})
