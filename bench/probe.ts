/** Asks for `/livez` again and again, from a thread of its own; tells its parent how long each answer took. */
import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'

const { url } = z.object({ url: z.string() }).parse(workerData)
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const pauseMilliseconds = 10

const once = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    request(`${url}/livez`, { agent }, answer => {
      answer.resume()
      answer.once('end', () =>
        answer.statusCode === 200
          ? resolve(performance.now() - start)
          : reject(new Error(`/livez: ${answer.statusCode}`)),
      )
    })
      .once('error', reject)
      .end()
  })

let isOver = false
parentPort?.once('message', () => {
  isOver = true
})
const took: number[] = []
while (!isOver) {
  took.push(await once())
  await pause(pauseMilliseconds)
}
parentPort?.postMessage(took)
