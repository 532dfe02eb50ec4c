import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { clientOf } from './client.ts'

/** Clients that send as they like, and the process they send to. */
export interface Hostile {
  /** Opens a connection that sends this and reads nothing. */
  readonly silent: (text: string) => Promise<Socket>
  readonly end: () => void
}

export const hostileTo = (url: string, localAddress = '127.0.0.1'): Hostile => {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  return {
    silent: async text => {
      const socket = connect({ host: hostname, port: Number(port), localAddress })
      socket.on('error', () => undefined)
      socket.pause()
      sockets.push(socket)
      await Promise.race([once(socket, 'connect'), once(socket, 'close')])
      socket.write(text)
      return socket
    },
    end: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Resolves once a new connection was answered: all that came before it have been accepted then. */
export const answeredAnew = async (url: string): Promise<void> => {
  const [answer] = await once(get(`${url}/livez`, { agent: false }), 'response')
  answer.resume()
  await once(answer, 'end')
}

/** Resident memory of a process in MiB, as Linux tells it. */
export const residentMemory = (pid: number): number => {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1]) / 1024
}

export const openDescriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/**
 * Milliseconds for which a process's main thread has had the processor, as Linux tells it: how long answers take, but for
 * what else the machine does. Its unit is a hundredth of a second on every Linux.
 */
const workOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return 10 * (Number(user) + Number(system))
}

export interface Observed {
  /** Milliseconds that the hub worked between a request of somebody else and its answer: the most but for a hundredth of them. */
  readonly p99: number
  readonly statuses: readonly number[]
  readonly memory: number
  readonly descriptors: number
}

/** What somebody else gets for `seconds`, and the most that the process held. */
export const observe = async (
  { url, pid }: { readonly url: string; readonly pid: number },
  path: string,
  authorization: string,
  seconds: number,
): Promise<Observed> => {
  const client = clientOf(url, authorization)
  const works: number[] = []
  const statuses = new Set<number>()
  let [memory, descriptors] = [0, 0]
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const before = workOf(pid)
    statuses.add((await client.get(path)).status)
    works.push(workOf(pid) - before)
    memory = Math.max(memory, residentMemory(pid))
    descriptors = Math.max(descriptors, openDescriptors(pid))
  }
  works.sort((a, b) => a - b)
  return {
    p99: works[Math.floor(works.length * 0.99)] ?? Number.POSITIVE_INFINITY,
    statuses: [...statuses],
    memory: Math.round(memory),
    descriptors,
  }
}
