/** A receiver of webhooks, in a process of its own: takes everything, and tells its parent when what arrived. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/** Milliseconds of a clock that all processes of this machine share. */
export const sharedClock = (): number => Number(process.hrtime.bigint()) / 1e6

export interface MeasuredSink {
  readonly url: string
  /** When the nth arrived since its start, by the shared clock; waits for it. */
  readonly arrivalOf: (n: number) => Promise<number>
  readonly stop: () => void
}

const started = z.object({ url: z.string() })
const question = z.object({ n: z.int() })
const answer = z.object({ n: z.int(), at: z.number() })

export const startSink = async (): Promise<MeasuredSink> => {
  const child = fork(fileURLToPath(import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [first] = await once(child, 'message')
  return {
    url: started.parse(first).url,
    arrivalOf: n => {
      const arrival = new Promise<number>(resolve => {
        const look = (message: unknown) => {
          const { n: which, at } = answer.parse(message)
          if (which !== n) return
          child.off('message', look)
          resolve(at)
        }
        child.on('message', look)
      })
      child.send({ n })
      return arrival
    },
    stop: () => child.disconnect(),
  }
}

const serve = (): void => {
  const arrivals: number[] = []
  const waiting = new Set<number>()
  const tell = (n: number): void => {
    const at = arrivals[n - 1]
    if (at === undefined) waiting.add(n)
    else process.send?.({ n, at })
  }
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      arrivals.push(sharedClock())
      response.writeHead(204).end()
      if (waiting.delete(arrivals.length)) tell(arrivals.length)
    })
  })
  process.on('message', message => tell(question.parse(message).n))
  process.on('disconnect', () => process.exit(0))
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook` })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve()
