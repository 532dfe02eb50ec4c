import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../support/describe-unless.ts'
import { type Combination, embedded, noEngines, servers } from '../support/engines.ts'
import { asRoot, type HubProcesses, startHubProcesses } from '../support/hub-processes.ts'
import { accountsOf, appendPeople } from '../support/many-people.ts'
import { enrolledNode } from '../support/nodes.ts'
import type { RunningHub } from '../support/process.ts'
import { type Sink, startSink } from '../support/sink.ts'
import { chance, subscribe, subscriberScopes, wrongDeliveries } from '../support/subscriptions.ts'

const killed = (combination: Combination, people: number) => {
  describeUnless(
    noEngines(combination),
    `a hub on ${combination.join(' and ')} that is killed in the middle of its deliveries`,
    () => {
      const events = people * 10
      let processes: HubProcesses
      let hub: RunningHub
      let sink: Sink
      beforeAll(async () => {
        processes = await startHubProcesses({ ALLOW_PRIVATE_WEBHOOKS: 'on' }, 'node', combination)
        hub = await processes.serve()
        sink = await startSink()
      })
      afterAll(async () => {
        await processes?.stop()
        await sink?.close()
      })

      it('loses none, and gives none again but with the same id', async () => {
        const client = await enrolledNode(hub.url, asRoot(hub), 'archive', subscriberScopes)
        await appendPeople(processes, accountsOf(people), 9)
        const refused = new Set<string>()
        sink.answer(({ id, entry: { stream, revision } }) => {
          if (refused.has(id) || chance('seed 8', stream, revision) >= 0.05) return 204
          refused.add(id)
          return 500
        })
        const wanted = { url: sink.url, types: ['PersonRegistered', 'PersonChanged'], from: 'start' }
        const { secret } = await subscribe(client, wanted)
        for (const share of [0.2, 0.5]) {
          await sink.untilTaken(events * share)
          await hub.kill('SIGKILL')
          hub = await processes.serve()
        }
        // The root was registered as well.
        await sink.untilDelivered(events + 1)
        expect(wrongDeliveries(secret, sink.taken())).toEqual([])
      }, 120_000)
    },
  )
}
killed(embedded, 200)
killed(servers, 30)
