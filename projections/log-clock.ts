/** Clocks of processes that write to one log differ by less. */
const mostSkewMilliseconds = 60_000n

/**
 * The clock of the log after an event: the latest `recordedAt` so far, in milliseconds since the epoch. It rises in commit order,
 * although two processes may commit in another order than their clocks say. So what the hub had recorded by a time that
 * this clock has passed is a beginning of the log, and stays the same.
 *
 * A clock that was more than a minute ahead was wrong: the next event sets it right.
 */
export const clockAfter = (clock: bigint, recordedAt: string): bigint => {
  const time = BigInt(Date.parse(recordedAt))
  return clock > time && clock - time < mostSkewMilliseconds ? clock : time
}
