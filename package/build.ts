import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Node runs no TypeScript inside node_modules: the package holds the same sources without their types. Nothing else is built.

const root = fileURLToPath(new URL('..', import.meta.url))
const assets = ['api/description/docs', 'auth/roles.json']

rmSync(`${root}dist`, { recursive: true, force: true })
execFileSync(`${root}node_modules/.bin/tsc`, ['--project', 'tsconfig.package.json'], {
  cwd: root,
  stdio: 'inherit',
})
for (const path of assets) cpSync(`${root}${path}`, `${root}dist/${path}`, { recursive: true })
chmodSync(`${root}dist/cli/main.js`, 0o755)
