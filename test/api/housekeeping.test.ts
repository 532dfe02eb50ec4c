import pino from 'pino'
import { expect, it } from 'vitest'
import { openCore } from '../../core.ts'
import { startHub } from '../../main.ts'
import { temporaryFolder } from '../support/folder.ts'
import { testConfig } from '../support/hub.ts'

it('housekeeping that throws is logged and tried again, and the hub goes on', async () => {
  const folder = temporaryFolder()
  const lines: string[] = []
  const logger = pino({ level: 'error' }, { write: line => lines.push(line) })
  const core = await openCore(testConfig(folder.path), logger)
  let times = 0
  let third: () => void = () => {}
  const triedAgain = new Promise<void>(resolve => {
    third = resolve
  })
  const announced: typeof core.auth.announced = () => {
    times += 1
    if (times === 3) third()
    if (times < 3) throw new TypeError('what is in it may be secret')
    return core.auth.announced()
  }
  const hub = await startHub({ ...core, auth: { ...core.auth, announced } }, logger)
  await triedAgain
  expect((await fetch(`${hub.url}/livez`)).status).toBe(200)
  expect(lines).toHaveLength(2)
  for (const line of lines) {
    expect(line).toContain('housekeeping failed; trying again')
    expect(line).toContain('TypeError')
    expect(line).not.toContain('secret')
  }
  await hub.close()
  folder.remove()
})
