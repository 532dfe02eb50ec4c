import type { AnswerHeader, JsonSchema, RequestHeader } from './operation.ts'

interface HeaderText {
  readonly description: string
  readonly required?: boolean
  readonly schema: JsonSchema
}

const text = (description: string, more: JsonSchema = {}): HeaderText => ({
  description,
  schema: { type: 'string', ...more },
})

const always = (header: HeaderText): HeaderText => ({ ...header, required: true })

/** The headers that requests may have, beside the usual ones of HTTP. */
export const requestHeaders: Readonly<Record<RequestHeader, HeaderText>> = {
  'Idempotency-Key': text(
    'The same request with the same key is done once, and answered the same again, for ever.',
    { pattern: '^[!-~]{1,128}$' },
  ),
  'Content-Digest': text('`sha-256=:…:` of what is sent (RFC 9530); another one is 422.'),
  'Repr-Digest': text('`sha-256=:…:` of the whole (RFC 9530); another one is 422.'),
  Range: text('`bytes=FIRST-LAST`: a part of it.'),
  'If-Range': text('An ETag: the part only if it is still that one, otherwise the whole.'),
  'Last-Event-ID': text(
    'Of an event stream: the id of the last event that was received. It comes before `after`.',
  ),
  'If-Match': text('The ETag it must have; otherwise 412.'),
  'If-None-Match': text('Of a read: the ETag of the client’s copy. Of a write: `*` creates only.'),
  Prefer: text(
    '`return=minimal` leaves the body of the answer away; `respond-async` does not wait for the read side.',
  ),
  'Thalamus-Min-Position': text(
    'A Thalamus-Position: the read waits up to a second until the read side has reached it, then 503.',
  ),
}

/** The headers that answers may have. */
export const answerHeaders: Readonly<Record<AnswerHeader | 'X-Request-Id', HeaderText>> = {
  'Accept-Ranges': always(text('`bytes`')),
  'Content-Disposition': always(text('To be saved, under which name.')),
  'Content-Location': always(text('Of what the answer shows.')),
  'Content-Range': always(text('Which part it is.')),
  'Repr-Digest': always(text('`sha-256=:…:` of the whole (RFC 9530).')),
  ETag: always(text('Its revision, or what it holds, as a strong entity tag.')),
  Link: text('`<…>; rel="next"`, relative: the next page. Absent on the last one.'),
  Location: text('Where it is. There when this very request created it.'),
  'Memento-Datetime': text('Of a read as of a time: that time (RFC 7089).'),
  'Thalamus-Position': text(
    'How far the log is with this write: send it as Thalamus-Min-Position to read what was written.',
  ),
  'Retry-After': always(text('Seconds.', { pattern: '^\\d+$' })),
  'X-Request-Id': always(text('The request’s own, or one that the hub made: its log has it.')),
  'WWW-Authenticate': always(text('How to authenticate, or which scope is lacking.')),
}
