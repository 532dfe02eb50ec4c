import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { receiveRequestOf } from '../../../cli/messages/receive-request.ts'
import { describeUnless } from '../../support/describe-unless.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startTestHub, type TestHub } from '../../support/hub.ts'
import { type HubProxy, startHubProxy } from '../../support/hub-proxy.ts'
import { type MessagingNode, messagingNode, receiveAs, waitingFor } from '../../support/messages.ts'

const folder = temporaryFolder()
let hub: TestHub
let way: HubProxy
let hospital: MessagingNode
let lab: MessagingNode
let out: string
let cases = 0
beforeAll(async () => {
  hub = await startTestHub()
  hospital = await messagingNode(hub, 'hospital')
})
afterAll(async () => {
  await hub.close()
  folder.remove()
})
beforeEach(async () => {
  cases += 1
  lab = await messagingNode(hub, `lab-${cases}`)
  way = await startHubProxy(hub.url)
  out = join(folder.path, `inbox-${cases}`)
})
afterEach(() => way.close())

interface Posted {
  readonly id: string
  readonly sentAt: string
}

const post = async (n: number, type = 'order'): Promise<Posted> =>
  (await hospital.client.post('/messages', { to: [lab.id], type, body: { n, person: 'Ana' } })).json as Posted

const bytes = Uint8Array.from({ length: 400_000 }, (_, i) => i % 251)

const postContent = async (): Promise<Posted> => {
  const message = { to: [lab.id], type: 'scan', content: true as const }
  const posted = (await hospital.client.post('/messages', message)).json as Posted
  await hospital.client.send('PUT', `/messages/${posted.id}/content`, { body: bytes })
  return posted
}

const fileOf = ({ id, sentAt }: Posted): string => `${sentAt.replaceAll(/[-:.]/g, '')}-${id}.json`
const files = (): readonly string[] => readdirSync(out).toSorted()
const options = () => ({ url: way.url, out })
const once = (more = {}) => receiveAs(lab, { ...options(), once: true, ...more })
const stateOf = async ({ id }: Posted): Promise<unknown> => {
  const { json } = await hospital.client.get(`/messages/${id}`)
  return (json as { states: Record<string, string> }).states[lab.id]
}

describe('receive --once', () => {
  it('writes each message to a file, says which, and acknowledges it', async () => {
    const posted = [await post(1), await post(2)]
    const { code, lines, complaints } = await once()
    expect({ code, complaints }).toEqual({ code: 0, complaints: [] })
    expect(lines).toEqual(posted.map(message => join(out, fileOf(message))))
    expect(JSON.parse(readFileSync(lines[0] ?? '', 'utf8'))).toMatchObject({
      ...{ id: posted[0]?.id, from: 'hospital', type: 'order', body: { n: 1, person: 'Ana' } },
      states: { [lab.id]: 'delivered' },
    })
    expect(statSync(out).mode & 0o777).toBe(0o700)
    expect(files()).toEqual(posted.map(fileOf).toSorted())
    for (const file of files()) expect(statSync(join(out, file)).mode & 0o777).toBe(0o600)
    expect(await Promise.all(posted.map(stateOf))).toEqual(['acknowledged', 'acknowledged'])
    expect(await once()).toEqual({ code: 0, lines: [], complaints: [] })
  })

  it('takes any number of messages', async () => {
    await Promise.all(Array.from({ length: 130 }, (_, n) => post(n)))
    expect((await once()).lines).toHaveLength(130)
    expect(way.requests.filter(request => request === 'POST /messages/acks')).toHaveLength(2)
    expect(await waitingFor(lab)).toEqual([])
  })

  it('writes content beside the message, as it was sent', async () => {
    const posted = await postContent()
    const { lines } = await once({ json: true })
    const file = join(out, fileOf(posted))
    const content = file.replace('.json', '.content')
    expect(lines.map(line => JSON.parse(line))).toEqual([
      { file, content, id: posted.id, from: 'hospital', type: 'scan', sentAt: posted.sentAt },
    ])
    expect(readFileSync(content).equals(bytes)).toBe(true)
    expect(statSync(content).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      content: { sha256: createHash('sha256').update(bytes).digest('hex') },
    })
  })

  it('takes only the types that are named; others go on waiting', async () => {
    const [order, result] = [await post(1), await post(2, 'result')]
    expect((await once({ type: ['result', 'alarm'] })).lines).toEqual([join(out, fileOf(result))])
    expect(await stateOf(result)).toBe('acknowledged')
    expect(await waitingFor(lab)).toMatchObject([{ id: order.id }])
  })

  it('acknowledges a message that is there already without writing it again', async () => {
    const posted = [await post(1), await postContent()]
    way.decide(request => (request === 'POST /messages/acks' ? { status: 403 } : 'arrives'))
    expect((await once()).code).toBe(1)
    const before = files().map(file => statSync(join(out, file)).ino)
    expect(before).toHaveLength(3)
    expect(await waitingFor(lab)).toHaveLength(2)

    way.decide(() => 'arrives')
    expect((await once()).lines).toHaveLength(2)
    expect(files().map(file => statSync(join(out, file)).ino)).toEqual(before)
    expect(await Promise.all(posted.map(stateOf))).toEqual(['acknowledged', 'acknowledged'])
  })

  it.each(['is lost', 'answer is lost'] as const)('has each message once where a request %s', async fate => {
    await post(1)
    await postContent()
    const first = new Set<string>()
    way.decide(request => {
      if (first.has(request)) return 'arrives'
      first.add(request)
      return fate
    })
    const received = await once()
    expect(received.code).toBe(0)
    expect(received.lines).toHaveLength(new Set(received.lines).size)
    expect(files()).toHaveLength(3)
    expect(await waitingFor(lab)).toEqual([])
  })

  it('leaves nothing of a content that broke off, and takes it then', async () => {
    const posted = await postContent()
    let left: readonly string[] | undefined
    let breaks = 1
    way.decide(request => {
      if (!request.endsWith('/content') || breaks === 0) return 'arrives'
      breaks -= 1
      return { breaksAfter: 100_000 }
    })
    const received = await receiveAs(
      lab,
      { ...options(), once: true },
      {
        complains: () => {
          left ??= files()
        },
      },
    )
    expect(received).toMatchObject({ code: 0, lines: [join(out, fileOf(posted))] })
    expect(left).toEqual([])
    expect(files()).toHaveLength(2)
  })

  it.each([
    ['other bytes', { status: 200, body: 'other bytes' }],
    ['none', { status: 410 }],
    ['damaged ones', { status: 500 }],
  ])('is held up by no content of which it gets %s', async (_, fate) => {
    const [damaged, order] = [await postContent(), await post(1)]
    way.decide(request => (request.endsWith('/content') ? fate : 'arrives'))
    const received = await receiveAs(lab, { ...options(), once: true }, { patience: 700 })
    expect(received).toMatchObject({ code: 1, lines: [join(out, fileOf(order))] })
    expect(received.complaints[0]).toContain(damaged.id)
    expect(files()).toEqual([fileOf(order)])
    expect(await stateOf(order)).toBe('acknowledged')
    expect(await stateOf(damaged)).toBe('delivered')
  })

  it('gives up in time', async () => {
    await way.away()
    const received = await receiveAs(lab, { ...options(), once: true }, { patience: 100 })
    expect(received).toMatchObject({ code: 1, complaints: [expect.stringContaining('ECONNREFUSED')] })
  })

  it('makes names of nothing that could be a path', async () => {
    for (const message of [
      { id: '../evil', sentAt: '2026-01-01T00:00:00Z', from: 'a', type: 'b' },
      { id: 'good', sentAt: '../2026', from: 'a', type: 'b' },
    ]) {
      const body = JSON.stringify({ messages: [message], next: 'x' })
      way.decide(request => (request === 'GET /messages' ? { status: 200, body } : 'arrives'))
      expect(await once()).toMatchObject({ code: 1, complaints: [expect.stringContaining('inbox')] })
    }
    expect(files()).toEqual([])
  })

  it('removes what a run left that was ended long ago, and nothing else', async () => {
    mkdirSync(out)
    const leftover = (id: string) => `.20260101T000000000Z-${id}.content.${crypto.randomUUID()}.part`
    const [old, young, other] = [leftover('old'), leftover('young'), '.mine.part']
    for (const name of [old, young, other]) writeFileSync(join(out, name), 'x')
    for (const name of [old, other]) utimesSync(join(out, name), 1, 1)
    await once()
    expect(files()).toEqual([young, other].toSorted())
  })

  it('needs the right to read messages', async () => {
    const sender = await messagingNode(hub, `sender-${cases}`, ['messages:send'])
    expect(await receiveAs(sender, { ...options(), once: true })).toMatchObject({
      code: 1,
      complaints: [expect.stringContaining('does not let this client read messages')],
    })
  })

  it('refuses a folder that is none', async () => {
    writeFileSync(out, '')
    expect(await once()).toMatchObject({ code: 1, complaints: [expect.stringContaining('EEXIST')] })
    expect(way.requests).toEqual([])
  })

  it('ends when nobody reads what it says, and acknowledges no message that it did not tell of', async () => {
    const [told, untold] = [await post(1), await post(2)]
    let lines = 0
    const says = () => {
      lines += 1
      return lines < 2
    }
    expect((await receiveAs(lab, { ...options(), once: true }, { says })).code).toBe(0)
    expect([await stateOf(told), await stateOf(untold)]).toEqual(['acknowledged', 'delivered'])
  })
})

describe('receive', () => {
  it('takes messages as they come, over the absence of the hub, until it is told to end', async () => {
    const ending = new AbortController()
    let told = () => {}
    const next = () =>
      new Promise<void>(resolve => {
        told = resolve
      })
    const first = next()
    const receiving = receiveAs(lab, options(), {
      signal: ending.signal,
      says: () => {
        told()
        return true
      },
      complains: () => told(),
    })
    await post(1)
    await first
    const lost = next()
    await way.away()
    await lost
    const second = next()
    await post(2)
    await way.back()
    await second
    const third = next()
    await post(3)
    await third
    ending.abort()
    const { code, lines, complaints } = await receiving
    expect(code).toBe(0)
    expect(lines.length).toBeGreaterThan(1)
    expect(new Set(lines).size).toBe(lines.length)
    expect(complaints[0]).toContain('next attempt in')
    expect(await waitingFor(lab)).toHaveLength(3 - lines.length)
  })

  it('ends once the node is suspended', async () => {
    const receiving = receiveAs(lab, options(), {
      says: () => {
        void hub.root.put(`/nodes/${lab.id}/status`, { status: 'suspended' })
        return true
      },
    })
    await post(1)
    expect(await receiving).toMatchObject({ code: 1, lines: [expect.anything()] })
  })

  it('starts over where the hub has another log than before', async () => {
    const ending = new AbortController()
    let refused = false
    way.decide(request => {
      if (request !== 'GET /messages' || refused || way.requests.filter(one => one === request).length < 2)
        return 'arrives'
      refused = true
      return { status: 422, body: '{"detail": "is no position of this log"}' }
    })
    await post(1)
    const received = await receiveAs(lab, options(), {
      signal: ending.signal,
      complains: () => ending.abort(),
    })
    expect(received).toMatchObject({ code: 0, complaints: [expect.stringContaining('another log')] })
  })
})

const disk = temporaryFolder()
const mountSmallDisk = (): boolean => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk.path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const mounted = mountSmallDisk()
afterAll(() => {
  if (mounted) execFileSync('umount', [disk.path])
  disk.remove()
})

describeUnless(mounted ? undefined : 'only root can mount a small one', 'on a full disk', () => {
  it('nothing is acknowledged, and nothing is left half', async () => {
    const posted = await postContent()
    const received = await receiveAs(lab, { url: way.url, out: disk.path, once: true })
    expect(received).toMatchObject({
      code: 1,
      lines: [],
      complaints: [expect.stringContaining('disk is full')],
    })
    expect(readdirSync(disk.path)).toEqual([])
    expect(way.requests).not.toContain('POST /messages/acks')
    expect(await stateOf(posted)).toBe('delivered')
  })
})

it('says all that is wrong with its options at once', () => {
  const read = receiveRequestOf({ url: 'hub', type: [''] }, {})
  expect(read._tag === 'Left' && read.left.map(problem => problem.split(':')[0])).toEqual([
    ...['--url', '--url', '--out', '--type'],
  ])
  expect(receiveRequestOf({ out: 'x' }, {})).toMatchObject({ left: [expect.stringMatching('^--url')] })
})
