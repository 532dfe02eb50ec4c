import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { MeasuredServer } from './load.ts'
import type { Cost } from './measure.ts'
import { rootHeaders } from './stores.ts'

const lineEnd = 10

export interface Drain {
  readonly events: number
  readonly bytes: number
}

/**
 * Reads the whole feed as NDJSON and counts its lines: as fast as it comes, or so many bytes a second; `seconds` ends it
 * early.
 */
export const drain = (
  { url }: MeasuredServer,
  { bytesPerSecond = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY } = {},
): Promise<Drain> =>
  new Promise((resolve, reject) => {
    const headers = { ...rootHeaders, Accept: 'application/x-ndjson' }
    const start = performance.now()
    const elapsed = () => (performance.now() - start) / 1000
    const call = request(`${url}/feed`, { headers }, async answer => {
      try {
        if (answer.statusCode !== 200) throw new Error(`the feed answered ${answer.statusCode}`)
        let [events, bytes] = [0, 0]
        for await (const chunk of answer) {
          const piece: Buffer = chunk
          bytes += piece.length
          for (let at = piece.indexOf(lineEnd); at >= 0; at = piece.indexOf(lineEnd, at + 1)) events += 1
          if (elapsed() > seconds) break
          const ahead = bytes / bytesPerSecond - elapsed()
          if (ahead > 0) await pause(ahead * 1000)
        }
        resolve({ events, bytes })
      } catch (error) {
        reject(error)
      }
    })
    call.on('error', reject)
    call.end()
  })

export const drainRound = async (server: MeasuredServer): Promise<Cost> => {
  const before = await server.used()
  const start = performance.now()
  const { events } = await drain(server)
  const milliseconds = performance.now() - start
  const after = await server.used()
  return { operations: events, milliseconds, cpuMilliseconds: after.cpuMilliseconds - before.cpuMilliseconds }
}
