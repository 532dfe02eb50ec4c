import { readFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { createRequire } from 'node:module'
import { accessTable } from '../../auth/access-table.ts'
import { escaped, htmlPage, pageHeaders } from '../http/html.ts'
import { type ProblemName, problemNames, problemTypes, problemUrn } from '../http/problem-types.ts'
import { type Represent, representationOf } from '../http/representation.ts'
import { type Documented, everyOperation, tagsOf } from './openapi.ts'
import { pathOf, refusalsOf } from './openapi-operation.ts'

/** Text in which backquotes mark code. */
const prose = (text: string): string => escaped(text).replaceAll(/`([^`]*)`/g, '<code>$1</code>')

const problem = (name: ProblemName): string => {
  const { status, meaning, remedy } = problemTypes[name]
  return `<dt id="${name}"><code>${problemUrn(name)}</code> — ${status} ${STATUS_CODES[status]}</dt>
<dd>${escaped(meaning)} <em>${escaped(remedy)}</em></dd>`
}

/** A status, linked to the first type of problem that has it. */
const refusal = (status: number): string => {
  const name = problemNames.find(one => problemTypes[one].status === status)
  return name === undefined ? String(status) : `<a href="#${name}">${status}</a>`
}

type Operation = ReturnType<typeof everyOperation>[number]

const operation = ([path, method, description]: Operation): string => {
  const { summary, answers } = description
  const refusals = refusalsOf(method, description, !accessTable.has(path)).filter(
    status => answers[status] === undefined,
  )
  const statuses = [...Object.keys(answers), ...[...new Set(refusals)].sort().map(refusal)]
  return `<li><code>${method} ${escaped(pathOf(path))}</code> ${prose(summary)} <small>${statuses.join(' ')}</small></li>`
}

const resource = (name: string, about: string | undefined, operations: readonly Operation[]): string =>
  `<details id="requests-${name}"><summary><b>${name}</b> ${prose(about ?? '')}</summary>
<ul>
${operations.map(operation).join('\n')}
</ul>
</details>`

/** The requests by resource: shown until the script replaces them by the same list with every detail. */
const index = (documented: Documented): string => {
  const operations = everyOperation(documented)
  return tagsOf(operations.map(([, , , tag]) => tag))
    .map(({ name, description }) =>
      resource(
        name,
        description,
        operations.filter(([, , , tag]) => tag === name),
      ),
    )
    .join('\n')
}

const head = `<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/initializer.js" defer></script>
`

const body = (documented: Documented): string => `<header>
<h1>Thalamus <small>${escaped(documented.version)}</small></h1>
<p>The message and authentication server of a GNU Health Federation: the interface of this hub.</p>
<nav><a href="#start">Getting started</a> <a href="#requests">Requests</a> <a href="#problems">Types of problems</a> <a href="/openapi.json">openapi.json</a></nav>
</header>
<main>
<section id="start">
<h2>Getting started</h2>
<p><code>HUB</code> stands for the address of this hub. Its operator registers the first person with <code>thalamus person register</code>.</p>
<ol>
<li>Is it ready? <code>curl HUB/readyz</code></li>
<li>People send federation account and password: <code>curl -u ACCOUNT:PASSWORD HUB/login</code></li>
<li>Nodes get an access token, and send it as Bearer: <code>curl -u CLIENT_ID:SECRET HUB/oidc/token -d grant_type=client_credentials</code></li>
<li>Write, as often as you like: <code>curl -u ACCOUNT:PASSWORD HUB/people/ESPGNU777ORG -H 'Content-Type: application/json' -d '{"name": "Ana"}'</code></li>
<li>Read: <code>curl -u ACCOUNT:PASSWORD HUB/people?limit=10</code>. A refusal names its <a href="#problems">type of problem</a>.</li>
</ol>
</section>
<section id="requests">
<h2>Requests</h2>
<noscript><p>With JavaScript each request is shown with its parameters and bodies; <a href="/openapi.json">openapi.json</a> has them too.</p></noscript>
<p id="filter" hidden><label>Find a request <input type="search" placeholder="path, method or words" autocomplete="off"></label> <output></output></p>
<div id="swagger-ui">
${index(documented)}
</div>
</section>
<section id="problems">
<h2>Types of problems</h2>
<p>A refusal is problem details (RFC 9457). Its <code>type</code> is one of these, the same on every hub.</p>
<dl>
${problemNames.map(problem).join('\n')}
</dl>
</section>
</main>`

/** The interface for a browser: without a script it lists the requests and says what each problem means. */
export const docsPage = (documented: () => Documented): Represent =>
  representationOf(
    async () => Buffer.from(htmlPage('Thalamus: the interface of this hub', body(documented()), head)),
    'text/html; charset=utf-8',
    pageHeaders("script-src 'self'", "connect-src 'self'"),
  )

const { resolve } = createRequire(import.meta.url)

const file = (place: string | URL, type: string): Represent =>
  representationOf(() => readFile(place), `${type}; charset=utf-8`)

/** What the page loads: of the package only what it needs. */
export const docsFiles: Readonly<Record<string, Represent>> = {
  '/docs/swagger-ui.css': file(resolve('swagger-ui-dist/swagger-ui.css'), 'text/css'),
  '/docs/swagger-ui-bundle.js': file(resolve('swagger-ui-dist/swagger-ui-bundle.js'), 'text/javascript'),
  '/docs/page.css': file(new URL('docs/page.css', import.meta.url), 'text/css'),
  '/docs/initializer.js': file(new URL('docs/initializer.js', import.meta.url), 'text/javascript'),
}
