import { describe, expect, it } from 'vitest'
import { checkWebhookUrl, type Resolve } from '../../relay/webhook-url.ts'

const answering =
  (...addresses: readonly string[]): Resolve =>
  async () =>
    addresses.map(address => ({ address }))
const failing =
  (code: string): Resolve =>
  async () => {
    throw Object.assign(new Error(code), { code })
  }
const neverAsked: Resolve = () => expect.fail('nothing is to be looked up')

const notUrl = 'must be an absolute http or https URL'
const notPublic = /private or otherwise reserved/

describe.each([true, false])('the form of a webhook’s URL, private ones allowed: %s', allowPrivate => {
  const check = (text: string): Promise<string | undefined> =>
    checkWebhookUrl(text, { allowPrivate, resolve: answering('8.8.8.8') })

  it.each([
    'https://example.org',
    'http://example.org/hook?node=7',
    'HTTPS://EXAMPLE.ORG:8443/Hook',
    'https://münchen.example/hook',
    `https://example.org/${'a'.repeat(1_980)}`,
  ])('accepts %s', async text => {
    expect(await check(text)).toBeUndefined()
  })

  it.each([
    '',
    'example.org/hook',
    '/hook',
    '//example.org/hook',
    'http:example.org',
    'http:/example.org',
    'http:\\\\example.org',
    'ftp://example.org',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'gopher://example.org',
    'http://',
    'http://exa mple.org',
    ' https://example.org',
    'https://example.org\n',
    'https://exam\tple.org',
    'https://example.org:99999',
    'https://1.2.3.4.5/',
    'http://[::1%25eth0]/',
  ])('refuses "%s"', async text => {
    expect(await check(text)).toBe(notUrl)
  })

  it('refuses more than 2,000 characters', async () => {
    expect(await check(`https://example.org/${'a'.repeat(1_981)}`)).toBe('must be at most 2,000 characters')
  })

  it.each(['https://node:secret@example.org', 'https://node@example.org', 'https://:secret@example.org'])(
    'refuses credentials: %s',
    async text => {
      expect(await check(text)).toBe('must be without a user name and a password')
    },
  )

  it.each(['https://example.org/#part', 'https://example.org/#'])('refuses a fragment: %s', async text => {
    expect(await check(text)).toBe('must be without a fragment')
  })
})

describe('the host of a webhook’s URL', () => {
  it.each([
    'http://127.0.0.1',
    'http://127.0.0.1.',
    'http://127.1',
    'http://2130706433',
    'http://017700000001',
    'http://0177.0.0.1',
    'http://0x7f.0.0.1',
    'http://0x7f000001',
    'http://①②⑦.⓪.⓪.①',
    'http://127。0。0。1',
    'http://%31%32%37.0.0.1',
    'http://0',
    'http://0.0.0.0',
    'http://[::]',
    'http://[::1]',
    'http://[0:0:0:0:0:0:0:1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:7f00:1]',
    'http://[::127.0.0.1]',
    'http://[64:ff9b::7f00:1]',
    'http://[2002:7f00:1::]',
    'http://[fd00:ec2::254]',
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1:8080',
    'http://localhost',
    'http://LOCALHOST',
    'http://localhost.',
    'http://hub.localhost',
  ])('is refused without a lookup: %s', async text => {
    expect(await checkWebhookUrl(text, { allowPrivate: false, resolve: neverAsked })).toMatch(notPublic)
  })

  it.each(['http://8.8.8.8/hook', 'https://[2606:4700:4700::1111]:8443'])(
    'is accepted without a lookup: %s',
    async text => {
      expect(await checkWebhookUrl(text, { allowPrivate: false, resolve: neverAsked })).toBeUndefined()
    },
  )

  const check = (resolve: Resolve): Promise<string | undefined> =>
    checkWebhookUrl('https://hooks.example.org', { allowPrivate: false, resolve, timeoutMilliseconds: 20 })

  it('is accepted when all its addresses are public', async () => {
    expect(await check(answering('8.8.8.8', '2606:4700::1'))).toBeUndefined()
  })

  it.each([
    [['127.0.0.1']],
    [['8.8.8.8', '10.0.0.1']],
    [['8.8.8.8', '::1']],
    [['2606:4700::1', '::ffff:8.8.8.8']],
  ])('is refused when any of its addresses is not: %j', async addresses => {
    expect(await check(answering(...addresses))).toMatch(notPublic)
  })

  it('is refused when it does not exist', async () => {
    const problem = 'must name a host that exists: its name was not found'
    expect(await check(failing('ENOTFOUND'))).toBe(problem)
    expect(await check(answering())).toBe(problem)
  })

  it('is accepted while the resolver cannot tell, since it is checked again when connecting', async () => {
    expect(await check(failing('EAI_AGAIN'))).toBeUndefined()
    expect(await check(() => new Promise(() => undefined))).toBeUndefined()
  })

  it.each(['http://127.0.0.1:8080', 'http://[::1]', 'http://localhost', 'http://nowhere.invalid'])(
    'may be any, and is not looked up, where private ones are allowed: %s',
    async text => {
      expect(await checkWebhookUrl(text, { allowPrivate: true, resolve: neverAsked })).toBeUndefined()
    },
  )
})
