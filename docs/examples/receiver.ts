// A receiver of webhooks: node docs/examples/receiver.ts PORT, with the secret in WEBHOOK_SECRET.
import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const port = Number(process.argv[2] ?? 9000)
const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? '')
/** A program keeps them where it keeps what they brought. */
const taken = new Set<string>()

createServer(async (request, response) => {
  let body = ''
  for await (const piece of request) body += piece
  try {
    webhook.verify(body, request.headers as Record<string, string>)
  } catch {
    response.writeHead(401).end()
    return
  }
  const id = String(request.headers['webhook-id'])
  if (!taken.has(id)) {
    const { type, resource, id: item } = JSON.parse(body)
    console.log(type, resource ?? '', item ?? '')
    taken.add(id)
  }
  response.writeHead(204).end()
}).listen(port, '127.0.0.1', () => console.log('listening'))
