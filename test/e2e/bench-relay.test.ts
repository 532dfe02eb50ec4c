import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'

const few = ['--waiting', '300', '--pages', '300', '--writes', '5', '--rounds', '1', '--seconds', '1']

it('the benchmark of the relay measures every row, and keeps no results of a try', async () => {
  const child = spawn(process.execPath, ['bench/relay.ts', ...few], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', piece => {
    out += String(piece)
  })
  expect(await once(child, 'close')).toEqual([0, null])
  const rows = out.split('\n').filter(line => /^\| \([a-d]\)/.test(line))
  expect(rows.map(row => row.slice(2, 5)).toSorted()).toEqual(['(a)', '(b)', '(c)', '(d)'])
  expect(out).not.toContain('NaN')
}, 120_000)
