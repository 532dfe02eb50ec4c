/**
 * A process that forgets a person and is killed at a place of the order: `erase-killed.ts DATA_DIR ACCOUNT STEP WHEN`, where STEP is
 * one of `fact`, `key`, `contents`, `read models`, `certificate`, and WHEN is `before` or `after`.
 */
import pino from 'pino'
import { openCore } from '../../core.ts'
import { erasingOn } from '../../erasures.ts'
import { startReadSide } from '../../read-side.ts'
import { testConfig } from './hub.ts'

const [dataDir = '', account = '', step = '', when = ''] = process.argv.slice(2)

const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

/** The work, with the end of this process before or after it, where that is the step. */
const killing =
  <Parameters extends readonly unknown[], A>(name: string, work: (...parameters: Parameters) => Promise<A>) =>
  async (...parameters: Parameters): Promise<A> => {
    if (name === step && when === 'before') die()
    const done = await work(...parameters)
    return name === step ? die() : done
  }

const logger = pino({ level: 'silent' })
const core = await openCore(testConfig(dataDir), logger)
const { signal } = new AbortController()
const readSide = await startReadSide(core, logger, 'projects', { isAlone: true }, signal)
let writes = 0
const writeItem: typeof core.writeItem = write => {
  writes += 1
  return killing(writes === 1 ? 'fact' : 'certificate', () => core.writeItem(write))()
}
const erasing = erasingOn(
  {
    ...core,
    writeItem,
    keys: { ...core.keys, destroy: killing('key', core.keys.destroy) },
    contents: { ...core.contents, removeAllOf: killing('contents', core.contents.removeAllOf) },
    reads: { ...core.reads, purge: killing('read models', core.reads.purge) },
  },
  readSide,
  signal,
)
const context = { actor: { kind: 'operator', id: 'test' } as const, requestId: 'r', commandId: account }
await erasing.erase(
  { identity: { id: account }, conditional: false, context },
  { reason: 'Request', knowing: false },
)
process.exit(1)
