import type { Request } from 'express'
import { z } from 'zod'
import { shapeOf } from '../description/shapes.ts'
import type { Answer } from '../http/answer.ts'
import { htmlPage, pageHeaders } from '../http/html.ts'
import { preferredType } from '../http/preferred-type.ts'
import { representationOf } from '../http/representation.ts'

const description = 'The message and authentication server of a GNU Health Federation.'

const start = {
  name: 'Thalamus',
  description,
  links: { documentation: '/docs', openapi: '/openapi.json', readiness: '/readyz' },
}

const { documentation, openapi, readiness } = start.links
const page = htmlPage(
  start.name,
  `<main>
<h1>${start.name}</h1>
<p>${description}</p>
<ul>
<li><a href="${documentation}">Documentation</a>: every request, and what each type of problem means</li>
<li><a href="${openapi}">openapi.json</a>: the same for programs, as OpenAPI 3.1</li>
<li><a href="${readiness}">readyz</a>: whether this hub is ready</li>
</ul>
</main>`,
)

export const startShape = shapeOf(
  'Start',
  z.strictObject({
    name: z.string(),
    description: z.string(),
    links: z.strictObject({ documentation: z.string(), openapi: z.string(), readiness: z.string() }),
  }),
  start,
)

const vary = { Vary: 'Accept, Accept-Encoding' }
const asJson = representationOf(async () => Buffer.from(JSON.stringify(start)), 'application/json', vary)
const asHtml = representationOf(async () => Buffer.from(page), 'text/html; charset=utf-8', {
  ...pageHeaders(),
  ...vary,
})

/** What this is, with links: HTML where the client prefers it, else JSON. */
export const startPage = (request: Request): Promise<Answer> =>
  preferredType(request, ['application/json', 'text/html']) === 'text/html'
    ? asHtml(request)
    : asJson(request)
