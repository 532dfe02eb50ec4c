import { z } from 'zod'

/** Every type of problem that the hub answers with: its status, what it means, and what to do. */
export const problemTypes = {
  malformed: {
    status: 400,
    meaning: 'The body could not be read: it is empty, not JSON, not UTF-8, or it did not arrive whole.',
    remedy: 'Mend the request; sent again as it is, it fails again.',
  },
  'not-authenticated': {
    status: 401,
    meaning:
      'The credentials do not show who asks: there are none, they are wrong, or they are good no more.',
    remedy: 'Send federation account and password as Basic, or a fresh access token as Bearer.',
  },
  'not-allowed': {
    status: 403,
    meaning: 'The roles of the person do not allow it.',
    remedy: 'Somebody with the role root can assign another role.',
  },
  'insufficient-scope': {
    status: 403,
    meaning: 'The access token lacks a scope that opens this, or it is for people only.',
    remedy:
      'WWW-Authenticate names the scopes that are needed. Ask for a token with all of them; the node must have been given them.',
  },
  'field-not-allowed': {
    status: 403,
    meaning: 'A member of the body is not for this caller, or not for this request, to change.',
    remedy: 'Leave it out, or use the request that the detail names.',
  },
  'not-found': {
    status: 404,
    meaning: 'There is nothing at this path, or the caller may not know that there is.',
    remedy: 'Check the path. A page that came before its person is good again once the person is there.',
  },
  'method-not-allowed': {
    status: 405,
    meaning: 'The path does not take this method.',
    remedy: 'Allow says which ones it takes.',
  },
  'not-acceptable': {
    status: 406,
    meaning: 'The path gives none of the media types that Accept names.',
    remedy: 'Leave Accept out, or name one of the types that the detail lists.',
  },
  'too-slow': {
    status: 408,
    meaning: 'The request did not arrive in time.',
    remedy: 'Send it again.',
  },
  'exists-with-other-content': {
    status: 409,
    meaning: 'The id is taken by a thing with other content. (The same content again would be answered 200.)',
    remedy: 'Read it, and change it with PATCH or PUT, or choose another id.',
  },
  'wrong-state': {
    status: 409,
    meaning: 'The thing is not in a state in which this can be done.',
    remedy: 'The detail says which state it is in, and what has to be done first.',
  },
  removed: {
    status: 410,
    meaning: 'It was there, and was removed. Its id is not used again.',
    remedy: 'Stop asking for it; a new thing needs another id.',
  },
  erased: {
    status: 410,
    meaning:
      'The person it was about is forgotten. Who wrote what and when stays in the history; what it said is gone.',
    remedy: 'Stop asking for it, and forget what you have of it. Its id is not used again.',
  },
  'stale-revision': {
    status: 412,
    meaning: 'It is not at the revision that If-Match or If-None-Match asks for: somebody else changed it.',
    remedy: 'Read it again, look whether the change still makes sense, and send it with the new ETag.',
  },
  'too-large': {
    status: 413,
    meaning:
      'The body is larger than 1 MiB, the item would be larger than 900 KiB, or a content is larger than this hub takes.',
    remedy: 'Send less; files belong into the content of a personal document.',
  },
  'unsupported-media-type': {
    status: 415,
    meaning: 'Content-Type or Content-Encoding is none that this path takes.',
    remedy: 'The detail names the header to send.',
  },
  'range-not-satisfiable': {
    status: 416,
    meaning: 'There is no such part: the content is shorter.',
    remedy: 'Content-Range says how many bytes there are. Ask for some of them, or leave Range out.',
  },
  invalid: {
    status: 422,
    meaning: 'Parts of the request are not valid.',
    remedy: 'errors names each part, by JSON Pointer, parameter or header, and says what it must be.',
  },
  'key-used-for-another-request': {
    status: 422,
    meaning: 'The Idempotency-Key was used for a request with another method or body.',
    remedy: 'Use a new key for a new request, and the same one only to send the very same again.',
  },
  'too-many-attempts': {
    status: 429,
    meaning: 'Too many attempts to log in failed, for this account or from this address.',
    remedy: 'Wait as many seconds as Retry-After says; then send the right credentials.',
  },
  'too-many-requests': {
    status: 429,
    meaning:
      'The caller has more requests, streams, bodies or answers under way than its share, or its network sends too many requests without valid credentials.',
    remedy: 'Read the answers to earlier requests, and try again after Retry-After, with growing pauses.',
  },
  'headers-too-large': {
    status: 431,
    meaning: 'The header of the request is larger than 16 KiB.',
    remedy: 'Send fewer or shorter headers.',
  },
  internal: {
    status: 500,
    meaning: 'The hub failed. This is a mistake in the hub.',
    remedy: 'Tell its operator the X-Request-Id: the log says more under it.',
  },
  'content-damaged': {
    status: 500,
    meaning: 'What the hub keeps of a document is not what was sent.',
    remedy: 'Send the content again, or have its operator restore it from a backup.',
  },
  busy: {
    status: 503,
    meaning: 'The hub has too much to do.',
    remedy: 'Try again after Retry-After, with growing pauses.',
  },
  starting: {
    status: 503,
    meaning: 'The hub has started, and is still reading its log.',
    remedy: 'Try again; GET /readyz tells how far it is.',
  },
  'position-not-reached': {
    status: 503,
    meaning: 'The read side has not come to Thalamus-Min-Position within a second.',
    remedy: 'Try again, or read without the header what is there now.',
  },
  unavailable: {
    status: 503,
    meaning: 'A store of the hub cannot be used now, or the hub has lost touch with its log.',
    remedy:
      'Try again after Retry-After. Whether a write was done is not known: an Idempotency-Key makes it safe.',
  },
} as const

export type ProblemName = keyof typeof problemTypes

export const problemNames = Object.keys(problemTypes) as readonly ProblemName[]

/** The problem's `type`, the same on every hub. */
export const problemUrn = (name: ProblemName): string => `urn:thalamus:problem:${name}`

const detail = z.string()

/** Problem details (RFC 9457). */
export const problemShape = z.strictObject({
  type: z.enum(problemNames.map(problemUrn)),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail,
  errors: z
    .array(
      z.union([
        z.strictObject({
          pointer: z.string().meta({ description: 'A JSON Pointer into the body.' }),
          detail,
        }),
        z.strictObject({ parameter: z.string(), detail }),
        z.strictObject({ header: z.string(), detail }),
      ]),
    )
    .optional()
    .meta({ description: 'With every 422: each part that is wrong, and what it must be.' }),
})
