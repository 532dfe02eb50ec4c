import { setTimeout as timer } from 'node:timers'
import type { StreamingRead } from '@eventstore/db-client'

/**
 * The items of a read, which is ended however its reader leaves. The client does not limit the time of a read: one
 * that gives nothing for `silence` milliseconds throws.
 */
export async function* itemsOf(read: StreamingRead<unknown>, silence: number): AsyncGenerator<unknown> {
  // The client may emit an error after the end, where nobody would catch it.
  read.on('error', () => {})
  const watch = timer(() => read.destroy(new Error('the event store does not answer')), silence)
  try {
    for await (const item of read.iterator({ destroyOnReturn: false })) {
      watch.refresh()
      yield item
    }
  } finally {
    clearTimeout(watch)
    read.cancel().catch(() => {})
    // What has come already must flow off: the client keeps a call until its last message was read.
    read.resume()
  }
}
