import { isIP, type LookupFunction } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PostOutcome } from '../../relay/post-outcome.ts'
import { makeWebhookClient } from '../../relay/webhook-client.ts'
import { checkWebhookUrl } from '../../relay/webhook-url.ts'
import { answering, type Receiver, startReceiver } from '../support/receiver.ts'

let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver(answering(200))
})
afterAll(() => receiver.close())

/** Gives the first answer to the first lookup, and so on. */
const lookupOf = (...answers: readonly (readonly string[])[]) => {
  const left = [...answers]
  const names: string[] = []
  const lookup: LookupFunction = (name, options, callback) => {
    names.push(name)
    const found = (left.shift() ?? []).map(address => ({ address, family: isIP(address) }))
    if (options.all !== true) expect.fail('all addresses are to be looked up')
    queueMicrotask(() => callback(null, found))
  }
  return { lookup, names }
}

const postTo = async (host: string, lookup: LookupFunction, allowPrivate = false): Promise<PostOutcome> => {
  const client = makeWebhookClient({ allowPrivate, lookup, timeoutMilliseconds: 5_000 })
  try {
    return await client.post(`http://${host}:${receiver.port}/`, {}, 'body', new AbortController().signal)
  } finally {
    await client.close()
  }
}

const refused: PostOutcome = { is: 'address refused' }
const answered: PostOutcome = { is: 'answered', status: 200 }

describe('a post to this machine', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.1.',
    '127.1',
    '2130706433',
    '017700000001',
    '0177.0.0.1',
    '0x7f.1',
    '0x7f000001',
    '①②⑦.⓪.⓪.①',
    '0.0.0.0',
    '0',
    '[::]',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:7f00:1]',
    '[::127.0.0.1]',
  ])('is refused when connecting, without a lookup: %s', async host => {
    const before = receiver.connections.length
    const { lookup, names } = lookupOf()
    expect(await postTo(host, lookup)).toEqual(refused)
    expect(names).toEqual([])
    expect(receiver.connections).toHaveLength(before)
  })

  it.each([
    [['127.0.0.1']],
    [['::1']],
    [['::ffff:127.0.0.1']],
    [['169.254.169.254']],
    [['8.8.8.8', '127.0.0.1']],
    [['127.0.0.1', '8.8.8.8']],
    [['2606:4700::1', 'fe80::1']],
  ])('is refused when the name has an address that is not public: %j', async addresses => {
    const before = receiver.connections.length
    const { lookup, names } = lookupOf(addresses)
    expect(await postTo('hooks.example.org', lookup)).toEqual(refused)
    expect(names).toEqual(['hooks.example.org'])
    expect(receiver.connections).toHaveLength(before)
  })

  it('is refused when a name was public as it was checked, and is not as it is connected to', async () => {
    const { lookup } = lookupOf(['8.8.8.8'], ['127.0.0.1'])
    const resolve = (name: string) =>
      new Promise<readonly { readonly address: string }[]>(done =>
        lookup(name, { all: true }, (_, found) => done(typeof found === 'string' ? [] : found)),
      )
    const before = receiver.connections.length
    const url = `http://hooks.example.org:${receiver.port}/`
    expect(await checkWebhookUrl(url, { allowPrivate: false, resolve })).toBeUndefined()
    expect(await postTo('hooks.example.org', lookup)).toEqual(refused)
    expect(receiver.connections).toHaveLength(before)
  })

  it('is refused for the name localhost, which the system resolves', async () => {
    const client = makeWebhookClient({ allowPrivate: false })
    const signal = new AbortController().signal
    expect(await client.post(`http://localhost:${receiver.port}/`, {}, '', signal)).toEqual(refused)
    await client.close()
  })

  it('is sent where private addresses are allowed', async () => {
    const { lookup } = lookupOf(['127.0.0.1'])
    expect(await postTo('hooks.example.org', lookup, true)).toEqual(answered)
    expect(await postTo('127.0.0.1', lookup, true)).toEqual(answered)
    expect(receiver.requests.at(-2)).toMatch(/\r\nhost: hooks\.example\.org:\d+\r\n/i)
  })
})

describe('the name of a host', () => {
  it('is tried at each of its addresses', async () => {
    const { lookup, names } = lookupOf(['127.0.0.2', '::1', '127.0.0.1'])
    expect(await postTo('hooks.example.org', lookup, true)).toEqual(answered)
    expect(names).toHaveLength(1)
  })

  it('that is not found is not resolved', async () => {
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), '')
    const notResolved: PostOutcome = { is: 'failed', reason: 'name not resolved' }
    expect(await postTo('nowhere.example.org', lookup)).toEqual(notResolved)
    expect(await postTo('nowhere.example.org', lookupOf([]).lookup)).toEqual(notResolved)
  })

  it('that a resolver does not tell in time has timed out', async () => {
    const client = makeWebhookClient({
      allowPrivate: false,
      lookup: () => undefined,
      timeoutMilliseconds: 50,
    })
    const signal = new AbortController().signal
    const outcome = await client.post('http://hooks.example.org/', {}, '', signal)
    expect(outcome).toEqual({ is: 'failed', reason: 'timed out' })
    await client.close()
  })
})
