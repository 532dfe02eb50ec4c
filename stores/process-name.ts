import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** A new name of this process among those that share the stores: host, process id, and something of its own. */
export const processName = (): string => `${hostname()}/${process.pid}/${randomUUID()}`

/** Whether a process of this host is known to have ended, by its name. */
export const hasEnded = (name: string): boolean => {
  const [host, pid] = name.split('/')
  return host === hostname() && !isAlive(Number(pid))
}
