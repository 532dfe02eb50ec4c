import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcrypt'
import type { InvalidPart } from '../domain/rejection.ts'

// OWASP Password Storage Cheat Sheet: scrypt with N=2^14, r=8, p=5 (16 MiB).
const cost = { ln: 14, r: 8, p: 5 }

const derive = (clear: string, salt: Buffer, { ln, r, p }: typeof cost, length: number): Promise<Buffer> => {
  const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 256 * 2 ** ln * r }
  return new Promise((resolve, reject) => {
    scrypt(clear.normalize('NFC'), salt, length, options, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

/** In the PHC string format. */
const textOf = ({ ln, r, p }: typeof cost, salt: Buffer, key: Buffer): string =>
  `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64')}$${key.toString('base64')}`

/** A new salted hash, in the PHC string format. */
export const hashPassword = async (clear: string): Promise<string> => {
  const salt = randomBytes(16)
  return textOf(cost, salt, await derive(clear, salt, cost, 32))
}

/** A hash that no password is known to have: to compare with it takes as long as with a new one. */
export const hashOfNobody = (): string => textOf(cost, randomBytes(16), randomBytes(32))

const scryptForm = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/
const bcryptForm = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/

export const isBcrypt = (hash: string): boolean => hash.startsWith('$2')

/** Whether `clear` is the password of this hash, compared in constant time. */
export const matchesHash = async (clear: string, hash: string): Promise<boolean> => {
  // $2y$ is PHP's name for what $2b$ is elsewhere; the library knows the latter.
  if (isBcrypt(hash)) return bcrypt.compare(clear, hash.replace(/^\$2y\$/, '$2b$'))
  const [, ln, r, p, salt = '', key = ''] = scryptForm.exec(hash) ?? []
  const expected = Buffer.from(key, 'base64')
  const actual = await derive(
    clear,
    Buffer.from(salt, 'base64'),
    { ln: Number(ln), r: Number(r), p: Number(p) },
    expected.length,
  )
  return timingSafeEqual(expected, actual)
}

export const fingerprintOfHash = (hash: string): string => createHash('sha256').update(hash).digest('hex')

/** Whether the text has the form of a bcrypt hash: `$2a$`, `$2b$` or `$2y$`. */
export const looksLikeBcrypt = (text: string): boolean => /^\$2[aby]\$/.test(text)

/** What is wrong with a bcrypt hash that is to be taken over; undefined when nothing is. */
export const bcryptProblem = (hash: string): InvalidPart | undefined => {
  const rounds = Number(bcryptForm.exec(hash)?.[1] ?? '0')
  return rounds >= 4 && rounds <= 12
    ? undefined
    : { pointer: '/password', detail: 'must be a whole bcrypt hash ($2a$, $2b$, $2y$) of cost 4 to 12' }
}

/** What is wrong with a new password in clear text; undefined when nothing is. */
export const passwordProblem = (clear: unknown): InvalidPart | undefined => {
  if (typeof clear !== 'string') return { pointer: '/password', detail: 'must be a text' }
  if ([...clear].length < 6) return { pointer: '/password', detail: 'must have at least 6 characters' }
  if (Buffer.byteLength(clear) > 64)
    return { pointer: '/password', detail: 'must have at most 64 bytes in UTF-8' }
  return undefined
}
