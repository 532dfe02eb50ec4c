/** Until the process is asked to end: Ctrl-C, or SIGTERM from a supervisor. */
export const untilEndRequested = (): Promise<void> =>
  new Promise(resolve => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
