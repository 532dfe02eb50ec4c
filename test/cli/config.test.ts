import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { settings } from '../../config.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runCommand } from '../support/process.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())

const envFile = (text: string): string => {
  const path = join(folder.path, `${Math.abs(text.length)}-${text.slice(0, 4)}.env`)
  writeFileSync(path, text)
  return path
}

interface Shown {
  readonly name: string
  readonly value: string | null
  readonly source: string
}
const configOf = async (args: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
  const ended = await runCommand(['config', '--json', ...args], '', 'node', environment)
  expect(ended.code, ended.err).toBe(0)
  const shown: readonly Shown[] = JSON.parse(ended.out)
  return (name: string) => shown.find(one => one.name === name)
}

describe('config', () => {
  it('shows each setting in force and where it comes from: flag, environment, file, default', async () => {
    const file = envFile('PORT=1111\nLOG_LEVEL=warn # only what matters\nTOKEN_TTL=60\n')
    const config = await configOf(['--env-file', file, '--port', '3333'], {
      PORT: '2222',
      LOG_LEVEL: 'error',
    })
    expect(config('PORT')).toMatchObject({ value: '3333', source: 'flag' })
    expect(config('LOG_LEVEL')).toMatchObject({ value: 'error', source: 'environment' })
    expect(config('TOKEN_TTL')).toMatchObject({ value: '60', source: 'file' })
    expect(config('HOST')).toMatchObject({ value: '127.0.0.1', source: 'default' })
    expect(config('PUBLIC_URL')).toMatchObject({ value: null, source: 'default' })
  })

  it('takes the file that ENV_FILE names where no flag names one', async () => {
    const [one, other] = [envFile('PORT=1111\n'), envFile('LOG_LEVEL=warn\n')]
    expect((await configOf([], { ENV_FILE: one }))('PORT')).toMatchObject({ value: '1111', source: 'file' })
    const config = await configOf(['--env-file', other], { ENV_FILE: one })
    expect([config('PORT')?.source, config('LOG_LEVEL')?.value]).toEqual(['default', 'warn'])
  })

  it('shows no password', async () => {
    const secrets = [
      '--mongodb-url',
      'mongodb://user:s3cret@db/thalamus',
      '--metrics-token',
      's3cret-0123456789',
    ]
    const ended = await runCommand(['config', ...secrets, '--master-key-file', 'none.key'])
    expect(ended.out).not.toContain('s3cret')
    expect(ended.out).toContain('mongodb://user:(hidden)@db/thalamus')
    for (const { name } of settings) expect(ended.out).toContain(name)
  })

  it.each([
    ['a file that is not there', 'no-such-file', 'cannot be read'],
    ['a name that is no setting', envFile('PROT=1\n'), 'sets PROT, which is no setting'],
    ['a value that is none', envFile('PORT=x\n'), 'PORT: must be a number'],
  ])('ends with 2 for %s', async (_, file, problem) => {
    const ended = await runCommand(['config', '--env-file', file])
    expect(ended).toMatchObject({ code: 2, out: '' })
    expect(ended.err).toContain(problem)
  })
})
