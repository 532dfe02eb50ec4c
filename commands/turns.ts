/** Commands for one stream take turns within a process, so that they do not conflict with each other. */
export interface Turns {
  /** Runs `work` after all earlier work of the same `name`; undefined when too many wait already. */
  readonly take: <A>(name: string, work: () => Promise<A>) => Promise<A> | undefined
}

export const makeTurns = (mostWaiting: number): Turns => {
  const queues = new Map<string, { waiting: number; last: Promise<unknown> }>()
  return {
    take: (name, work) => {
      const queue = queues.get(name) ?? { waiting: 0, last: Promise.resolve() }
      if (queue.waiting >= mostWaiting) return undefined
      queue.waiting += 1
      const turn = queue.waiting === 1 ? work() : queue.last.then(work)
      queue.last = turn
        .catch(() => undefined)
        .then(() => {
          queue.waiting -= 1
          if (queue.waiting === 0) queues.delete(name)
        })
      queues.set(name, queue)
      return turn
    },
  }
}
