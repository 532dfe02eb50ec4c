import { readFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { createRequire } from 'node:module'
import type { Answer } from './answer.ts'
import { problemNames, problemTypes, problemUrn } from './problem-types.ts'

/** Nothing but this hub's own files, and no script in the page itself. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const problem = (name: (typeof problemNames)[number]): string => {
  const { status, meaning, remedy } = problemTypes[name]
  return `<dt id="${name}"><code>${problemUrn(name)}</code> — ${status} ${STATUS_CODES[status]}</dt>
<dd>${escaped(meaning)} <em>${escaped(remedy)}</em></dd>`
}

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Thalamus: the interface of this hub</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/initializer.js" defer></script>
</head>
<body>
<nav><a href="/openapi.json">openapi.json</a> · <a href="#problems">Types of problems</a></nav>
<main>
<div id="swagger-ui"><noscript><p>With JavaScript, every request is listed here. Without it, read <a href="/openapi.json">openapi.json</a>.</p></noscript></div>
<section id="problems">
<h2>Types of problems</h2>
<p>A refusal is problem details (RFC 9457). Its <code>type</code> is one of these, the same on every hub.</p>
<dl>
${problemNames.map(problem).join('\n')}
</dl>
</section>
</main>
</body>
</html>
`

/** The interface for a browser: the page itself, which needs no script to say what a problem means. */
export const docsPage: Answer = {
  status: 200,
  headers: {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy,
    'Referrer-Policy': 'no-referrer',
  },
  body: page,
}

const { resolve } = createRequire(import.meta.url)

const file = (place: string | URL, type: string): (() => Promise<Answer>) => {
  let read: Promise<string> | undefined
  return async () => {
    read ??= readFile(place, 'utf8')
    return { status: 200, headers: { 'Content-Type': `${type}; charset=utf-8` }, body: await read }
  }
}

/** What the page loads: of the package only what it needs, read when it is first asked for. */
export const docsFiles: Readonly<Record<string, () => Promise<Answer>>> = {
  '/docs/swagger-ui.css': file(resolve('swagger-ui-dist/swagger-ui.css'), 'text/css'),
  '/docs/swagger-ui-bundle.js': file(resolve('swagger-ui-dist/swagger-ui-bundle.js'), 'text/javascript'),
  '/docs/page.css': file(new URL('docs/page.css', import.meta.url), 'text/css'),
  '/docs/initializer.js': file(new URL('docs/initializer.js', import.meta.url), 'text/javascript'),
}
