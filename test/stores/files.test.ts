import { createHash, randomBytes } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { fileContent } from '../../stores/files/content.ts'
import { contentStoreContract } from '../contracts/content-store.ts'
import { left, right } from '../support/either.ts'
import { temporaryFolder } from '../support/folder.ts'
import { keepIt } from '../support/keep-content.ts'
import { keptName, keysWithoutStore, testKeys } from '../support/keys.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
let folders = 0
const newFolder = () => {
  folders += 1
  return join(folder.path, String(folders), 'content')
}
const fileOf = (path: string, sha256: string) => {
  const name = keptName(sha256)
  return join(path, name.slice(0, 2), name)
}

contentStoreContract('files', async () => {
  const path = newFolder()
  return {
    store: fileContent(path, testKeys),
    damage: async sha256 => {
      const bytes = readFileSync(fileOf(path, sha256))
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      writeFileSync(fileOf(path, sha256), bytes)
    },
    losePiece: async sha256 => truncateSync(fileOf(path, sha256), 500_000),
    lose: async sha256 => rmSync(fileOf(path, sha256)),
    remains: async () => readdirSync(join(path, 'incoming')).length,
    close: async () => {},
  }
})

async function* all(bytes: Uint8Array) {
  yield bytes
}

describe('the files of contents', () => {
  const keep = (path: string, bytes: Uint8Array) =>
    right(fileContent(path, testKeys).receive(all(bytes), bytes.length, keepIt))

  it('are readable by their owner only', async () => {
    const path = newFolder()
    const { sha256 } = await keep(path, randomBytes(10))
    const mode = (file: string) => statSync(file).mode & 0o777
    expect([path, join(path, 'incoming'), dirname(fileOf(path, sha256))].map(mode)).toEqual([
      0o700, 0o700, 0o700,
    ])
    expect(mode(fileOf(path, sha256))).toBe(0o600)
  })

  it('that were kept in clear, before contents were encrypted, are given as ever', async () => {
    const path = newFolder()
    const bytes = randomBytes(100_000)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    mkdirSync(join(path, sha256.slice(0, 2)), { recursive: true })
    writeFileSync(join(path, sha256.slice(0, 2), sha256), bytes)
    const store = fileContent(path, testKeys)
    const content = { size: bytes.length, sha256, subject: 'A' }
    await right(store.verify(content))
    const pieces: Uint8Array[] = []
    for await (const piece of store.read(content, { first: 10, last: 99_998 })) pieces.push(piece)
    expect(Buffer.concat(pieces).equals(bytes.subarray(10, 99_999))).toBe(true)
  })

  it('of somebody who is forgotten are not taken and not given', async () => {
    const keys = keysWithoutStore()
    const store = fileContent(newFolder(), keys)
    const content = await right(store.receive(all(Buffer.from('x')), 1, keepIt, 'A'))
    await keys.destroy('A')
    expect(await left(store.verify({ ...content, subject: 'A' }))).toEqual({ _tag: 'ContentErased' })
    expect(await left(store.receive(all(Buffer.from('x')), 1, keepIt, 'A'))).toEqual({
      _tag: 'ContentErased',
    })
  })

  it('are told apart from others of the same size and time', async () => {
    const path = newFolder()
    const content = await keep(path, Buffer.from('the right one'))
    const store = fileContent(path, testKeys)
    await right(store.verify(content))
    const file = fileOf(path, content.sha256)
    const { atime, mtime } = statSync(file)
    writeFileSync(file, 'the wrong one')
    utimesSync(file, atime, mtime)
    await expect(store.read(content)[Symbol.asyncIterator]().next()).rejects.toThrow()
    expect(await left(store.verify(content))).toEqual({ _tag: 'ContentDamaged' })
  })

  it('are found damaged while they are read, before the last piece is given', async () => {
    const path = newFolder()
    const bytes = randomBytes(500_000)
    const content = await keep(path, bytes)
    const store = fileContent(path, testKeys)
    await right(store.verify(content))
    let given = 0
    const reading = async () => {
      for await (const piece of store.read(content)) {
        if (given === 0) writeFileSync(fileOf(path, content.sha256), randomBytes(bytes.length))
        given += piece.length
      }
    }
    await expect(reading()).rejects.toThrow()
    expect(given).toBeLessThan(bytes.length)
  })

  it('of a process that ended in the middle are swept at once, those of others stay', async () => {
    const path = newFolder()
    const store = fileContent(path, testKeys)
    await right(store.sweep())
    await keep(path, randomBytes(10))
    const [ended, elsewhere] = [`${hostname()}+999999999+x`, `elsewhere+1+x`]
    for (const name of [ended, elsewhere]) writeFileSync(join(path, 'incoming', name), 'left')
    await right(store.sweep())
    expect(readdirSync(join(path, 'incoming'))).toEqual([elsewhere])
  })

  it('that cannot be written are a failure of their own', async () => {
    const path = newFolder()
    const store = fileContent(path, testKeys)
    mkdirSync(dirname(path))
    writeFileSync(path, 'in the way')
    const unavailable = { _tag: 'ContentUnavailable' }
    expect(await left(store.receive(all(Buffer.from('x')), 1, async () => E.right(undefined)))).toMatchObject(
      unavailable,
    )
    expect(await left(store.sweep())).toMatchObject(unavailable)
  })
})
