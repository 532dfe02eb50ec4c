import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Request } from 'express'
import type { Answer } from './answer.ts'
import { namesTag } from './conditional.ts'

/** The content codings that are offered, the preferred first. */
const codings = ['br', 'gzip', 'identity'] as const
type Coding = (typeof codings)[number]

// The highest quality of Brotli takes seconds for a megabyte, and saves a tenth.
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }

const encode: Readonly<Record<Coding, (content: Buffer) => Promise<Buffer>>> = {
  br: content => promisify(brotliCompress)(content, brotliOptions),
  gzip: content => promisify(gzip)(content, { level: 9 }),
  identity: async content => content,
}

/**
 * The content coding that a client prefers by its `Accept-Encoding` (RFC 9110, section 12.5.3), ours where it weighs them
 * equally. Identity where it refuses all of them.
 */
export const preferredCoding = (acceptEncoding = ''): Coding => {
  const weights = new Map(
    acceptEncoding
      .toLowerCase()
      .split(',')
      .map(item => {
        const [coding = '', ...parameters] = item.split(';').map(part => part.trim())
        const weight = parameters.find(parameter => parameter.startsWith('q='))
        return [coding, weight === undefined ? 1 : Number(weight.slice(2)) || 0] as const
      }),
  )
  // Identity need not be named: it is taken when nothing else is.
  const weightOf = (coding: Coding) =>
    weights.get(coding) ?? weights.get('*') ?? (coding === 'identity' ? Number.MIN_VALUE : 0)
  const [best = 'identity'] = codings
    .filter(coding => weightOf(coding) > 0)
    .sort((one, other) => weightOf(other) - weightOf(one))
  return best
}

interface Encoded {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** Answers requests for one representation. */
export type Represent = (request: Pick<Request, 'headers'>) => Promise<Answer>

/**
 * A representation that is the same for everybody. It is read when it is first asked for; each content coding is made once,
 * with an entity tag of its own (RFC 9110, section 8.8.3.3). No request hashes, counts or copies its bytes.
 */
export const representationOf = (
  content: () => Promise<Buffer>,
  type: string,
  moreHeaders: Readonly<Record<string, string>> = {},
): Represent => {
  let whole: Promise<Buffer> | undefined
  const made = new Map<Coding, Promise<Encoded>>()
  const make = async (coding: Coding): Promise<Encoded> => {
    whole ??= content()
    const body = await encode[coding](await whole)
    return {
      body,
      headers: {
        'Content-Type': type,
        Vary: 'Accept-Encoding',
        ...moreHeaders,
        ...(coding === 'identity' ? {} : { 'Content-Encoding': coding }),
        ETag: `"${hash('sha256', body, 'base64url')}"`,
      },
    }
  }
  return async ({ headers: requestHeaders }) => {
    const coding = preferredCoding(String(requestHeaders['accept-encoding'] ?? ''))
    const encoded = made.get(coding) ?? make(coding)
    made.set(coding, encoded)
    const { body, headers } = await encoded
    const ifNoneMatch = requestHeaders['if-none-match']
    const isCurrent = ifNoneMatch !== undefined && namesTag(ifNoneMatch, headers.ETag ?? '', 'weakly')
    return isCurrent ? { status: 304, headers } : { status: 200, headers, body }
  }
}
