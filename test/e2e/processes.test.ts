import { afterAll, beforeAll, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import { describeUnless } from '../support/describe-unless.ts'
import {
  type Combination,
  type Engines,
  embedded,
  noEngines,
  servers,
  startEngines,
} from '../support/engines.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, startProcess, untilReady } from '../support/process.ts'

/** Two API processes and a projector of the same hub. */
const together = (combination: Combination) => {
  describeUnless(
    noEngines(combination),
    `two API processes and a projector on ${combination.join(' and ')}`,
    () => {
      const folder = temporaryFolder()
      const hubs: RunningHub[] = []
      const clients: Client[] = []
      let engines: Engines
      let projector: Awaited<ReturnType<typeof startProcess>>
      const project = () => startProcess(['project', '--data-dir', folder.path], 'node', engines.settings)

      beforeAll(async () => {
        engines = await startEngines(combination)
        const register = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin']
        await runCommand([...register, '--data-dir', folder.path], 'freedom', 'node', engines.settings)
        projector = await project()
        for (let n = 0; n < 2; n += 1) {
          const hub = await startHubProcess(folder.path, 'node', engines.settings, 'serve', [
            '--no-projector',
          ])
          await untilReady(hub)
          hubs.push(hub)
          clients.push(clientOf(hub.url, basic('ROOT', 'freedom')))
        }
      })
      afterAll(async () => {
        for (const hub of hubs) await hub.kill('SIGTERM')
        await projector?.kill('SIGTERM')
        await engines?.stop()
        folder.remove()
      })

      const [writer, reader] = [() => clients[0] as Client, () => clients[1] as Client]

      it('read what either of them wrote, once the position of the write is waited for', async () => {
        await writer().post('/people/ANA', {})
        for (let n = 0; n < 20; n += 1) {
          const written = await writer().post(`/pols/ANA/p${n}`, { summary: `page ${n}` })
          expect(written.status).toBe(201)
          // Its own process has waited for the read side before it answered.
          expect((await writer().get(`/pols/ANA/p${n}`)).status).toBe(200)
          const position = written.headers.get('Thalamus-Position') ?? ''
          const read = await reader().get(`/pols/ANA/p${n}`, { 'Thalamus-Min-Position': position })
          expect([read.status, read.json]).toMatchObject([200, { summary: `page ${n}` }])
        }
      })

      it('go on with the next projector when the first is killed, and miss nothing', async () => {
        const next = await project()
        await projector.kill('SIGKILL')
        const written = await writer().post('/pols/ANA/after', {}, { Prefer: 'respond-async' })
        expect(written.status).toBe(201)
        await expect
          .poll(async () => (await reader().get('/pols/ANA/after')).status, { timeout: 10_000 })
          .toBe(200)
        expect((await reader().get('/pols/ANA?limit=1000')).json).toHaveLength(21)
        await projector.kill('SIGKILL')
        projector = next
      })

      it('keep out somebody who was deactivated at the other one within a second', async () => {
        // Three times: a machine that is busy with other things may be late once.
        const milliseconds: number[] = []
        for (const account of ['EVA', 'EVE', 'EVI']) {
          await writer().post(`/people/${account}`, { password: 'gnusolidario' })
          const person = clientOf(hubs[1]?.url ?? '', basic(account, 'gnusolidario'))
          // A refusal takes its time: what counts is when it was asked for.
          let asked = 0
          const status = () => {
            asked = performance.now()
            return person.get('/login').then(reply => reply.status)
          }
          await expect.poll(status, { timeout: 10_000 }).toBe(200)
          await writer().put(`/people/${account}/active`, { active: false })
          const told = performance.now()
          await expect.poll(status, { timeout: 10_000, interval: 10 }).toBe(401)
          milliseconds.push(asked - told)
        }
        expect(Math.min(...milliseconds)).toBeLessThan(1_000)
      })
    },
  )
}
for (const combination of [embedded, servers]) together(combination)
