import { createHash } from 'node:crypto'
import type { Answer } from '../http/answer.ts'
import { type Failure, problemAnswer, sentenceOf } from '../http/problem.ts'

const style = `body{font:1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:2rem auto;padding:0 1rem}
label{display:block;margin-top:1rem}input,button{font:inherit;padding:.4rem;width:100%;box-sizing:border-box}
button{margin-top:1.5rem}p[role=alert]{border-left:.3rem solid #b00;padding-left:.7rem}`

/** The page runs no script, loads nothing, is shown in no frame, and sends its form to this hub only. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const pageWith = (body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Set a password</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<h1>Set a password</h1>
${body}
</body>
</html>
`

/** The form posts to its own address. */
const formWith = (id: string, token: string): string => `<form method="post">
<p>Federation account: <strong>${escaped(id)}</strong></p>
<input type="hidden" name="token" value="${escaped(token)}">
<label for="password">New password (6 characters at least, 64 bytes at most)</label>
<input id="password" name="password" type="password" autocomplete="new-password" required>
<label for="repeated">The same again</label>
<input id="repeated" name="repeated" type="password" autocomplete="new-password" required>
<button type="submit">Set the password</button>
</form>`

const page = (status: number, headers: Answer['headers'], body: string): Answer => ({
  status,
  headers: {
    ...headers,
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy,
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  },
  body: pageWith(body),
})

/** The page that asks for a new password. */
export const passwordForm = (id: string, token: string): Answer => page(200, {}, formWith(id, token))

/** The page after the password was set; the headers are those of the write. */
export const passwordSet = (id: string, headers: Answer['headers']): Answer =>
  page(
    200,
    headers,
    `<p>The password of <strong>${escaped(id)}</strong> is set. The old one opens nothing any more.</p>`,
  )

const namesOfFields: Readonly<Record<string, string>> = {
  '': '',
  '/password': 'The password',
  '/repeated': 'The second password',
}

/** The page that says why the password was not set, with the form again where there is one to fill in. */
export const passwordNotSet = (failure: Failure, form: { id: string; token: string } | undefined): Answer => {
  const { status, headers } = problemAnswer(failure)
  const reason = sentenceOf(failure, pointer => namesOfFields[pointer] ?? pointer.slice(1))
    .trim()
    .replace(/\.?$/, '.')
  return page(
    status,
    headers,
    `<p role="alert">The password was not set. ${escaped(reason)}</p>${form === undefined ? '' : `\n${formWith(form.id, form.token)}`}`,
  )
}
