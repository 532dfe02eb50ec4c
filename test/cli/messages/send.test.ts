import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type SendOptions, sendRequestOf } from '../../../cli/messages/send-request.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startTestHub, type TestHub } from '../../support/hub.ts'
import { type HubProxy, startHubProxy } from '../../support/hub-proxy.ts'
import { type MessagingNode, messagingNode, sendAs, waitingFor } from '../../support/messages.ts'

const folder = temporaryFolder()
let hub: TestHub
let way: HubProxy
let hospital: MessagingNode
let lab: MessagingNode
let labs = 0
beforeAll(async () => {
  hub = await startTestHub()
  hospital = await messagingNode(hub, 'hospital')
})
afterAll(async () => {
  await hub.close()
  folder.remove()
})
beforeEach(async () => {
  labs += 1
  lab = await messagingNode(hub, `lab-${labs}`)
  way = await startHubProxy(hub.url)
})
afterEach(() => way.close())

const fileOf = (name: string, content: string | Uint8Array): string => {
  const path = join(folder.path, name)
  writeFileSync(path, content)
  return path
}

const order = () => fileOf('order.json', '{"test": "CBC", "n": 1.50, "none": null}')

const options = (more: SendOptions = {}): SendOptions => ({
  url: way.url,
  to: lab.id,
  type: 'order',
  file: order(),
  ...more,
})

/** How often the hub was asked with this method and path. */
const times = (request: string): number => way.requests.filter(one => one === request).length

describe('send', () => {
  it('sends a file of JSON as the body, and prints the id', async () => {
    const sent = await sendAs(hospital, options({ subject: 'Blood count', expires: '2999-01-01' }))
    const [message] = await waitingFor(lab)
    expect(sent).toEqual({ code: 0, lines: [message?.id], complaints: [] })
    expect(message).toMatchObject({
      ...{ from: 'hospital', type: 'order', subject: 'Blood count', contentType: 'application/json' },
      body: { test: 'CBC', n: 1.5, none: null },
    })
  })

  it('prints the whole message with --json', async () => {
    const { lines } = await sendAs(hospital, options({ json: true, contentType: 'application/fhir+json' }))
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      contentType: 'application/fhir+json',
      states: { [lab.id]: 'queued' },
    })
  })

  it.each([
    ['bytes', 'scan.dcm', new Uint8Array(70_000).fill(7), 'application/dicom', 'application/dicom'],
    ['bytes of no type', 'scan', 'x', undefined, 'application/octet-stream'],
    ['nothing', 'empty', '', undefined, 'application/octet-stream'],
    ['JSON that says it is none', 'x.json', '{"a": ', 'text/plain', 'text/plain'],
    [
      'JSON that is too long',
      'long.json',
      JSON.stringify('x'.repeat(2_100_000)),
      undefined,
      'application/json',
    ],
  ])('sends %s as content', async (_, name, bytes, contentType, type) => {
    const file = fileOf(name, bytes)
    const sent = await sendAs(
      hospital,
      options({ file, ...(contentType === undefined ? {} : { contentType }) }),
    )
    expect(sent).toMatchObject({ code: 0, complaints: [] })
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(await waitingFor(lab)).toMatchObject([
      {
        id: sent.lines[0],
        contentType: type,
        body: null,
        content: { size: Buffer.byteLength(bytes), sha256 },
      },
    ])
  })

  it('decides by the length of the whole request, not of the file', async () => {
    const file = fileOf('close.json', JSON.stringify('x'.repeat(2 * 1024 * 1024 - 22)))
    expect(await sendAs(hospital, options({ file }))).toMatchObject({ code: 0 })
    expect((await waitingFor(lab))[0]?.content).toMatchObject({ size: 2 * 1024 * 1024 - 20 })
  })

  it.each(['is lost', 'answer is lost'] as const)('sends once where a request %s', async fate => {
    const file = fileOf('scan', new Uint8Array(300_000))
    const first = new Set<string>()
    way.decide(request => {
      if (first.has(request)) return 'arrives'
      first.add(request)
      return fate
    })
    const sent = await sendAs(hospital, options({ file }))
    expect(sent.code).toBe(0)
    // The token, the message and its content.
    expect(sent.complaints).toHaveLength(3)
    expect(times('POST /messages')).toBe(2)
    expect(await waitingFor(lab)).toMatchObject([{ id: sent.lines[0] }])
  })

  it('waits for a hub that is away', async () => {
    await way.away()
    const sending = sendAs(hospital, options())
    setTimeout(() => void way.back(), 600)
    const sent = await sending
    expect(sent).toMatchObject({
      code: 0,
      complaints: [expect.stringContaining('ECONNREFUSED'), expect.anything()],
    })
    expect(await waitingFor(lab)).toHaveLength(1)
  })

  it.each([429, 503])('waits as long as an answer of %i says', async status => {
    let refusals = 0
    way.decide(request => {
      if (request !== 'POST /messages' || refusals > 0) return 'arrives'
      refusals += 1
      return { status, retryAfter: '1' }
    })
    const start = performance.now()
    expect(await sendAs(hospital, options())).toMatchObject({ code: 0 })
    expect(performance.now() - start).toBeGreaterThan(999)
    expect(await waitingFor(lab)).toHaveLength(1)
  })

  it('gives up in time, and says how it is sent once all the same', async () => {
    way.decide(request => (request === 'POST /messages' ? 'answer is lost' : 'arrives'))
    const lost = await sendAs(hospital, options(), { patience: 400 })
    expect(lost).toMatchObject({ code: 1, lines: [] })
    const key = /--idempotency-key (\S+)/.exec(lost.complaints.at(-1) ?? '')?.[1] ?? ''
    way.decide(() => 'arrives')
    const again = await sendAs(hospital, options({ idempotencyKey: key }))
    expect(again.code).toBe(0)
    expect(await waitingFor(lab)).toMatchObject([{ id: again.lines[0] }])
  })

  it('is told to end while it waits', async () => {
    await way.away()
    const ending = new AbortController()
    const sending = sendAs(hospital, options(), { signal: ending.signal })
    setTimeout(() => ending.abort(), 100)
    const { code, complaints } = await sending
    expect(code).toBe(1)
    expect(complaints.at(-1)).toMatch(/^Interrupted\. .*--idempotency-key/)
  })

  it('says by which option a message is refused', async () => {
    const refused = await sendAs(hospital, options({ to: `${lab.id},nobody` }))
    expect(refused).toMatchObject({ code: 2, complaints: [expect.stringMatching(/^--to: /)] })
    const key = { idempotencyKey: 'one' }
    await sendAs(hospital, options(key))
    const other = await sendAs(hospital, options({ ...key, type: 'other' }))
    expect(other).toMatchObject({ code: 2, complaints: [expect.stringMatching(/^--idempotency-key: /)] })
  })

  it('is refused without the scope, and without the right secret', async () => {
    const reader = await messagingNode(hub, `reader-${labs}`, ['messages:read'])
    expect(await sendAs(reader, options())).toMatchObject({
      code: 1,
      complaints: [expect.stringContaining('does not let this client send')],
    })
    expect(await sendAs({ ...hospital, secret: 'wrong' }, options())).toMatchObject({
      code: 1,
      complaints: [expect.stringContaining('gives no token')],
    })
  })

  it('says that nobody is given a message whose content is refused', async () => {
    const small = await startTestHub({ MAX_CONTENT: '1000' })
    const sender = await messagingNode(small, 'sender')
    const file = fileOf('scan', new Uint8Array(3_000_000))
    const refused = await sendAs(sender, options({ url: small.url, to: 'sender', file }))
    expect(refused.code).toBe(1)
    expect(refused.complaints).toMatchObject([
      expect.stringContaining('413'),
      expect.stringMatching(/^Nobody is given message/),
    ])
    await small.close()
  })

  it.each([
    ['broken.json', '{"a": '],
    ['latin.json', Buffer.from([0x22, 0xe9, 0x22])],
  ])('refuses %s, which is no JSON', async (name, bytes) => {
    const refused = await sendAs(hospital, options({ file: fileOf(name, bytes) }))
    expect(refused).toMatchObject({ code: 2, complaints: [expect.stringMatching(/^--file: is no JSON/)] })
    expect(way.requests).toEqual([])
  })

  it('refuses a file that cannot be read', async () => {
    expect(await sendAs(hospital, options({ file: folder.path }))).toMatchObject({ code: 2 })
    expect(await sendAs(hospital, options({ file: '/nowhere' }))).toMatchObject({
      code: 2,
      complaints: ['--file: /nowhere cannot be read (ENOENT)'],
    })
  })
})

it('says all that is wrong with its options at once', () => {
  const wrong = {
    ...{ url: 'hub', to: ',', expires: 'soon', contentType: 'x', replyTo: 'a b', idempotencyKey: 'a b' },
    ...{ subject: '', clientId: 'lab', clientSecretStdin: true, file: '-' },
  }
  const read = sendRequestOf(wrong, {})
  const problems = read._tag === 'Left' ? read.left.map(problem => problem.split(':')[0]) : []
  expect(problems.toSorted()).toEqual([
    ...['--client-secret-stdin', '--content-type', '--expires', '--idempotency-key'],
    ...['--reply-to', '--subject', '--to', '--type', '--url'],
  ])
  const past = sendRequestOf({ ...options(), expires: '2020-01-01' }, { THALAMUS_TOKEN: 't' })
  expect(past).toEqual({ _tag: 'Left', left: ['--expires: must be in the future'] })
  expect(sendRequestOf({}, {})).toMatchObject({
    left: expect.arrayContaining([expect.stringMatching('^--url'), expect.stringMatching('^--file')]),
  })
})
