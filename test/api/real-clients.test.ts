import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub({ CORS_ORIGINS: 'https://portal.example.org', LEGACY_LISTS: '1' })
  await hub.person('ITAPYT999HON', ['end_user', 'health_professional'])
  await hub.person('ESPGNU777ORG', ['end_user'])
})
afterAll(() => hub.close())

/** Sends a request byte for byte as the clients' library does: Basic, no Content-Type. Gives status and body. */
const send = async (account: string, request: string, body = '', ...more: readonly string[]) => {
  const { hostname, port } = new URL(hub.url)
  const socket = connect(Number(port), hostname)
  const password = account === 'ARGBUE111FAV' ? 'freedom' : 'gnusolidario'
  const lines = [
    `${request} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    'User-Agent: python-requests/2.31.0',
    'Accept-Encoding: gzip, deflate',
    'Accept: */*',
    'Connection: close',
    ...more,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Authorization: ${basic(account, password)}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  const answer = await text(socket)
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body: rest.join('\r\n\r\n') }
}

const myGnuHealthPage =
  '{"book": "ESPGNU777ORG", "page_date": "2021-05-06T20:59:41.123456", "age": null, "domain": "medical", "relevance": null, "privacy": null, "context": "self_monitoring", "measurements": [{"bp": {"systolic": 120, "diastolic": 80}}, {"hr": 70}], "genetic_info": null, "summary": null, "info": null, "node": "mygnuhealth", "author": "ESPGNU777ORG", "author_acct": "ESPGNU777ORG", "fsynced": true, "page": "41b9662b-8f85-412b-8254-8b854f6405c7", "creation_info": {"user": "ESPGNU777ORG", "timestamp": "2021-05-06T20:59:41.123456", "node": "mygnuhealth"}, "id": "41b9662b-8f85-412b-8254-8b854f6405c7"}'

describe('MyGNUHealth', () => {
  it('tests its connection, also with an account typed in lower case', async () => {
    expect((await send('espgnu777org', 'GET /people/espgnu777org')).status).toBe(200)
  })

  it('sends a page, and sends it again at every sync', async () => {
    const request = 'POST /pols/ESPGNU777ORG/41b9662b-8f85-412b-8254-8b854f6405c7'
    expect((await send('ESPGNU777ORG', request, myGnuHealthPage)).status).toBe(201)
    expect((await send('ESPGNU777ORG', request, myGnuHealthPage)).status).toBe(200)
    const stored = await send('ESPGNU777ORG', request.replace('POST', 'GET'))
    expect(JSON.parse(stored.body)).toEqual(JSON.parse(myGnuHealthPage))
  })

  it('sends dates with a space and without a zone', async () => {
    const page = myGnuHealthPage
      .replaceAll('41b9662b', '51b9662b')
      .replace('2021-05-06T20:59:41.123456', '2021-05-06 21:00:00')
    const request = 'POST /pols/ESPGNU777ORG/51b9662b-8f85-412b-8254-8b854f6405c7'
    expect((await send('ESPGNU777ORG', request, page)).status).toBe(201)
  })
})

describe('MyGNUHealth 2.x', () => {
  const path = '/pols/ESPGNU777ORG/61b9662b-8f85-412b-8254-8b854f6405c7'
  const page =
    '{"book": "ESPGNU777ORG", "page_date": "2024-05-06T20:59:41.123456", "age": null, "domain": "lifestyle", "relevance": null, "privacy": null, "context": "social_activities", "measurements": null, "genetic_info": null, "summary": "Choir", "info": null, "node": "mygnuhealth", "author": "ESPGNU777ORG", "author_acct": "ESPGNU777ORG", "fsynced": true, "page": "61b9662b-8f85-412b-8254-8b854f6405c7", "creation_info": {"user": "ESPGNU777ORG", "timestamp": "2024-05-06T20:59:41.123456", "node": "mygnuhealth"}, "id": "61b9662b-8f85-412b-8254-8b854f6405c7"}'

  it('sends a page of social activities, and sends it again', async () => {
    expect((await send('ESPGNU777ORG', `POST ${path}`, page)).status).toBe(201)
    expect((await send('ESPGNU777ORG', `POST ${path}`, page)).status).toBe(200)
    expect(JSON.parse((await send('ESPGNU777ORG', `GET ${path}`)).body)).toEqual(JSON.parse(page))
    for (const filter of ['page_type=lifestyle', 'medical_context=social_activities']) {
      const reply = await send('ESPGNU777ORG', `GET /pols/ESPGNU777ORG?${filter}`)
      expect(JSON.parse(reply.body)).toMatchObject([[{ summary: 'Choir' }]])
    }
  })

  it('sends words that no hub has heard of', async () => {
    const other = path.replace('61b9662b', '71b9662b')
    const newer = page
      .replaceAll('61b9662b', '71b9662b')
      .replace('lifestyle', 'environment')
      .replace('social_activities', 'air_quality')
    expect((await send('ESPGNU777ORG', `POST ${other}`, newer)).status).toBe(201)
    for (const filter of ['page_type=Environment', 'medical_context=air_quality']) {
      const reply = await send('ESPGNU777ORG', `GET /pols/ESPGNU777ORG?${filter}`)
      expect(JSON.parse(reply.body)).toEqual([[JSON.parse(newer)]])
    }
  })
})

describe('the HMIS', () => {
  const person =
    '{"creation_info": {"user": "ITAPYT999HON", "timestamp": "2024-01-02 03:04:05.678901", "node": "SPAIN-LASPALMAS-GNUSOLIDARIO-GRAL_HOSPITAL"}, "name": "Ana", "lastname": "Betz\\u00e9", "dob": "1985-10-04", "gender": "f"}'

  it('registers a person, twice, and changes the name', async () => {
    expect((await send('ITAPYT999HON', 'GET /people/ITAPYT999HON')).status).toBe(200)
    expect((await send('ITAPYT999HON', 'POST /people/ESPHMI001ORG', person)).status).toBe(201)
    expect((await send('ITAPYT999HON', 'POST /people/ESPHMI001ORG', person)).status).toBe(200)
    const change =
      '{"modification_info": {"user": "ITAPYT999HON", "timestamp": "2024-02-02 03:04:05", "node": "SPAIN"}, "lastname": "Betz"}'
    expect((await send('ITAPYT999HON', 'PATCH /people/ESPHMI001ORG', change)).status).toBe(200)
    const renamed = '{"id": "ESPHMI002ORG", "modification_info": {}}'
    expect((await send('ITAPYT999HON', 'PATCH /people/ESPHMI001ORG', renamed)).status).toBe(422)
  })

  it('sends a page before its person, and again when the person has come', async () => {
    const id = 'd1b9662b-8f85-412b-8254-8b854f6405c7'
    const page = `{"creation_info": {"user": "ITAPYT999HON", "timestamp": "2024-01-02 03:04:05.678901", "node": "SPAIN"}, "id": "${id}", "book": "ESPHMI003ORG", "page_date": "2024-01-02T03:04:05", "age": "38y 2m 29d", "page_type": "medical", "relevance": "important", "medical_context": "encounter", "health_condition_text": "Encounter", "health_condition_code": "O80", "measurements": "{'bp': {'systolic': 120, 'diastolic': 80}, 'hr': 70}", "summary": "s", "info": "i", "node": "SPAIN", "author": "Cordara, Cameron", "author_acct": "ITAPYT999HON"}`
    expect((await send('ITAPYT999HON', `POST /pols/ESPHMI003ORG/${id}`, page)).status).toBe(404)
    expect((await send('ITAPYT999HON', 'POST /people/ESPHMI003ORG', person)).status).toBe(201)
    expect((await send('ITAPYT999HON', `POST /pols/ESPHMI003ORG/${id}`, page)).status).toBe(201)
    const stored = await send('ITAPYT999HON', `GET /pols/ESPHMI003ORG/${id}`)
    expect(JSON.parse(stored.body)).toEqual(JSON.parse(page))
  })
})

describe('the Federation Resource Locator of the HMIS desktop', () => {
  it('asks for a person with the account as a bare query, and shows the address as text', async () => {
    const person = '{"name": "Ana", "lastname": "Betz", "address": "Calle Mayor 12, Las Palmas"}'
    expect((await send('ITAPYT999HON', 'POST /people/ESPHMI004ORG', person)).status).toBe(201)
    expect((await send('ITAPYT999HON', 'POST /people/ESPHMI004ORG', person)).status).toBe(200)
    const reply = await send('ITAPYT999HON', 'GET /people/ESPHMI004ORG?ESPHMI004ORG')
    expect(reply.status).toBe(200)
    expect(JSON.parse(reply.body)).toMatchObject(JSON.parse(person))
    expect((await send('ITAPYT999HON', 'GET /people/ESPHMI009ORG?ESPHMI009ORG')).status).toBe(404)
  })
})

describe('the federation portal', () => {
  it('asks beforehand, logs in, lists people and registers one', async () => {
    const origin = 'Origin: https://portal.example.org'
    const reply = await send('nobody', 'OPTIONS /login', '', origin, 'Access-Control-Request-Method: GET')
    expect(reply.status).toBe(204)
    expect(reply.head).toContain('Access-Control-Allow-Origin: https://portal.example.org')
    expect((await send('ARGBUE111FAV', 'GET /login', '', origin)).body).toBe('true')
    const body =
      '{"gender":"f","name":"Eva","lastname":"Betz","password":"gnusolidario","roles":["end_user"],"dob":"1990-01-01","active":true,"deceased":false}'
    const created = await send('ARGBUE111FAV', 'POST /people/ESPPOR001ORG', body, origin)
    expect(created.status).toBe(201)
    const people = JSON.parse((await send('ARGBUE111FAV', 'GET /people', '', origin)).body)
    expect(people.map((person: { id: string }[]) => person[0]?.id)).toContain('ESPPOR001ORG')
    expect((await send('ESPPOR001ORG', 'GET /login')).status).toBe(200)
  })

  it('registers somebody whose birth date was not filled in', async () => {
    const body =
      '{"gender":"f","name":"Ida","lastname":"Betz","password":"gnusolidario","roles":["end_user"],"dob":"","active":true,"deceased":false}'
    expect((await send('ARGBUE111FAV', 'POST /people/ESPPOR002ORG', body)).status).toBe(201)
    expect((await send('ARGBUE111FAV', 'POST /people/ESPPOR002ORG', body)).status).toBe(200)
    const { password: _, ...kept } = JSON.parse(body)
    const stored = await send('ARGBUE111FAV', 'GET /people/ESPPOR002ORG')
    expect(JSON.parse(stored.body)).toEqual({ ...kept, id: 'ESPPOR002ORG' })
  })
})
