import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { changeMasterKey } from '../../auth/change-master-key.ts'
import { masterKeyOf } from '../../auth/master-keys.ts'
import { type OpenedSubjectKeys, type SubjectKey, subjectKeysIn } from '../../auth/subject-keys.ts'
import { masterKeysIn } from '../../stores/files/master-keys.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { left, right } from '../support/either.ts'
import { temporaryFolder } from '../support/folder.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
let files = 0
const newFile = () => {
  files += 1
  return join(folder.path, `${files}.key`)
}
const inFile = (path: string) => masterKeysIn(path, masterKeyOf)
const bytesOf = (key: SubjectKey | undefined) =>
  key === undefined || key === 'destroyed' ? key : key.export().toString('hex')
const keyFor = async (keys: OpenedSubjectKeys, person: string) =>
  bytesOf((await right(keys.find([person]))).get(person))
const made = async (keys: OpenedSubjectKeys, person: string) =>
  bytesOf((await right(keys.findOrMake([person]))).get(person))
const opened = async (store = memoryAuthStore(), path = newFile()) => {
  const keys = subjectKeysIn(store, inFile(path))
  await right(keys.open())
  return { keys, store, path }
}

describe('the key of a person', () => {
  it('is 256 bits at random, made once, and the same for every process', async () => {
    const { keys, store, path } = await opened()
    expect(await keyFor(keys, 'A')).toBeUndefined()
    const key = await made(keys, 'A')
    expect(key).toMatch(/^[0-9a-f]{64}$/)
    expect(await made(keys, 'B')).not.toBe(key)
    const other = await opened(store, path)
    expect(await keyFor(other.keys, 'A')).toBe(key)
    expect(await made(other.keys, 'A')).toBe(key)
  })

  it('is that of the first of two processes that make it at once', async () => {
    const { keys, store, path } = await opened()
    const other = await opened(store, path)
    const [one, two] = await Promise.all([made(keys, 'A'), made(other.keys, 'A')])
    expect(one).toBe(two)
  })

  it('is remembered: the store is not asked again', async () => {
    const store = memoryAuthStore()
    let looks = 0
    const counting: typeof store = {
      ...store,
      keysOf: accounts => {
        looks += 1
        return store.keysOf(accounts)
      },
    }
    const { keys } = await opened(counting)
    await made(keys, 'A')
    const before = looks
    for (let n = 0; n < 10; n += 1) await keyFor(keys, 'A')
    expect(looks).toBe(before)
  })

  it('is found in the store once others have been used since, for so many are remembered', async () => {
    const { keys } = await opened()
    const key = await made(keys, 'A')
    const others = Array.from({ length: 25_000 }, (_, n) => `P${n}`)
    await right(keys.findOrMake(others))
    expect(await keyFor(keys, 'A')).toBe(key)
  })

  it('is never made again once it was destroyed, in this process or another', async () => {
    const { keys, store, path } = await opened()
    const other = await opened(store, path)
    await made(keys, 'A')
    await made(other.keys, 'A')
    await right(keys.destroy('A'))
    expect(await made(keys, 'A')).toBe('destroyed')
    // The other one hears of it from the log.
    other.keys.forget('A')
    expect(await keyFor(other.keys, 'A')).toBe('destroyed')
    expect(other.keys.erasures()).toBe(1)
    const later = await opened(store, path)
    expect(later.keys.isErased('A')).toBe(true)
  })
})

describe('the master key', () => {
  it('is made where there is none, for its owner only, by one of several', async () => {
    const path = newFile()
    await Promise.all(Array.from({ length: 8 }, () => right(inFile(path).make())))
    expect(readFileSync(path, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('is taken in hex and in base64, and nothing else is', async () => {
    const path = newFile()
    for (const text of ['ab'.repeat(32), Buffer.alloc(32, 7).toString('base64')]) {
      writeFileSync(path, `${text}\n`)
      expect(await right(inFile(path).read())).toHaveLength(1)
    }
    for (const text of ['', 'short', 'ab'.repeat(33)]) {
      writeFileSync(path, text)
      expect(await left(inFile(path).read())).toMatchObject({ reason: 'not a key' })
    }
  })

  it('is not replaced by a new one where it is lost, and no other is taken for it', async () => {
    const { store, path } = await opened()
    const text = readFileSync(path)
    rmSync(path)
    const reopen = () => subjectKeysIn(store, inFile(path)).open()
    expect(await left(reopen())).toMatchObject({ _tag: 'MasterKeyUnusable', reason: 'missing', file: path })
    writeFileSync(path, 'ab'.repeat(32))
    expect(await left(reopen())).toMatchObject({ reason: 'another key' })
    writeFileSync(path, text)
    await right(reopen())
  })

  it('is changed while processes go on, which read and make keys as before', async () => {
    const { keys, store, path } = await opened()
    const accounts = Array.from({ length: 1_200 }, (_, n) => `P${n}`)
    await right(keys.findOrMake(accounts))
    const before = await keyFor(keys, 'P7')
    const fresh = await opened(store, path)
    let rounds = 0
    const changed = await right(
      changeMasterKey(store, inFile(path), async () => {
        rounds += 1
        // A process that has known the old key only until now.
        expect(await keyFor(fresh.keys, 'P7')).toBe(before)
        if (rounds === 1) await made(keys, 'LATE')
      }),
    )
    expect(changed.keys).toBe(1_200)
    expect(await right(store.keysOfOtherMasters(changed.master, 1))).toEqual([])
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(1)
    const later = await opened(store, path)
    expect(await keyFor(later.keys, 'P7')).toBe(before)
    expect(await keyFor(later.keys, 'LATE')).toBe(await keyFor(keys, 'LATE'))
  })

  it('is changed to the first of the file where somebody has put it there, also after a run that was stopped', async () => {
    const { keys, store, path } = await opened()
    const key = await made(keys, 'A')
    const prepared = `${'cd'.repeat(32)}\n`
    writeFileSync(path, prepared + readFileSync(path, 'utf8'))
    const stopped = changeMasterKey(store, inFile(path), () => Promise.reject(new Error('stopped')))
    await expect(stopped).rejects.toThrow('stopped')
    await right(changeMasterKey(store, inFile(path), async () => {}))
    expect(readFileSync(path, 'utf8')).toBe(prepared)
    expect(await keyFor((await opened(store, path)).keys, 'A')).toBe(key)
  })
})
