import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { clientOf } from '../support/client.ts'
import { describeUnless } from '../support/describe-unless.ts'
import { temporaryFolder } from '../support/folder.ts'
import { samplesIn } from '../support/metrics.ts'
import { type RunningHub, startHubProcess, startProcess, untilReady } from '../support/process.ts'

const fileOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const textOf = (path: string): string => readFileSync(fileOf(path), 'utf8')
const rules = 'docs/examples/prometheus-rules.yaml'
const dashboardFile = 'docs/examples/grafana-dashboard.json'

/** Metrics that an expression of PromQL names; `up` is Prometheus’ own. */
const namesIn = (expressions: string): ReadonlySet<string> =>
  new Set(expressions.match(/\b(?:thalamus|process|nodejs)_[a-z0-9_]+/g))

const folder = temporaryFolder()
let hub: RunningHub
let metrics = ''
const samples = () => samplesIn(metrics)
beforeAll(async () => {
  hub = await startHubProcess(folder.path)
  await untilReady(hub)
  metrics = (await clientOf(hub.url).get('/metrics')).text
})
afterAll(async () => {
  await hub.kill('SIGTERM')
  folder.remove()
})

const ofProcess = [
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_open_fds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_heap_size_used_bytes',
]

describe('a process of the hub', () => {
  it('measures itself, too', () => {
    for (const name of ofProcess)
      expect(samples().find(sample => sample.name === name)?.value, name).toBeGreaterThan(0)
  })

  it('does so under Deno', async () => {
    const other = temporaryFolder()
    const deno = await startHubProcess(other.path, 'deno')
    try {
      await untilReady(deno)
      const names = samplesIn((await clientOf(deno.url).get('/metrics')).text).map(({ name }) => name)
      expect(names).toEqual(expect.arrayContaining([...ofProcess, 'thalamus_read_model_lag_seconds']))
    } finally {
      await deno.kill('SIGTERM')
      other.remove()
    }
  })
})

describe('a process that only projects', () => {
  it('gives its metrics on METRICS_PORT, to whom a hub would give them', async () => {
    const other = temporaryFolder()
    const projector = await startProcess(['project', '--data-dir', other.path, '--metrics-port', '0'])
    try {
      const url = /^projecting, metrics at (\S+)\/metrics$/.exec(projector.firstLine)?.[1] ?? ''
      const client = clientOf(url)
      const reply = await client.get('/metrics')
      expect(reply.status).toBe(200)
      const names = samplesIn(reply.text).map(({ name }) => name)
      expect(names).toEqual(
        expect.arrayContaining(['thalamus_read_model_lag_seconds', 'thalamus_webhook_deliveries_total']),
      )
      expect((await client.get('/livez')).status).toBe(200)
      expect((await client.get('/people')).status).toBe(404)
      expect((await client.get('/metrics', { 'X-Forwarded-For': '192.0.2.1' })).status).toBe(401)
    } finally {
      await projector.kill('SIGTERM')
      other.remove()
    }
  })
})

describe('the alerts', () => {
  const text = textOf(rules)
  const alerts = [...text.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = '']) => name)

  it('name metrics that a hub has', () => {
    const known = new Set(samples().map(({ name }) => name))
    // A histogram has no buckets before something was measured.
    const types = [...metrics.matchAll(/^# TYPE (\S+) histogram$/gm)]
    for (const [, name] of types) known.add(`${name}_bucket`)
    const named = [...namesIn(text)]
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter(name => !known.has(name))).toEqual([])
  })

  it.each(alerts)('%s has a paragraph that says what it means and what to do', alert => {
    expect(textOf('docs/operations.md')).toMatch(new RegExp(`^\\*\\*${alert}\\*\\*[\\s\\S]{80,}?`, 'm'))
  })

  it('are as many as the guide has paragraphs', () => {
    const told = textOf('docs/operations.md').match(/^\*\*Thalamus\w+\*\*/gm) ?? []
    expect([...told].sort()).toEqual(alerts.map(name => `**${name}**`).sort())
  })
})

describe('the dashboard', () => {
  const dashboard = z
    .object({
      title: z.string(),
      uid: z.string(),
      schemaVersion: z.int(),
      panels: z.array(
        z.object({
          id: z.int(),
          type: z.enum(['row', 'timeseries']),
          title: z.string(),
          gridPos: z.object({ x: z.int().max(23), y: z.int(), w: z.int(), h: z.int() }),
          fieldConfig: z.object({ defaults: z.object({ unit: z.string() }) }).optional(),
          targets: z.array(z.object({ refId: z.string(), expr: z.string() })).optional(),
        }),
      ),
    })
    .parse(JSON.parse(textOf(dashboardFile)))
  const targets = dashboard.panels.flatMap(panel => panel.targets ?? [])

  it('shows metrics that a hub has, every one of its own among them', () => {
    const types = [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
    const known = types.map(([, name = '', type]) => (type === 'histogram' ? `${name}_bucket` : name))
    const named = namesIn(targets.map(({ expr }) => expr).join('\n'))
    expect([...named].filter(name => !known.includes(name))).toEqual([])
    const own = known.filter(name => name.startsWith('thalamus_'))
    expect(own.filter(name => !named.has(name))).toEqual([])
  })

  it('has panels that do not overlap, each with its own id', () => {
    const cells = dashboard.panels.map(({ gridPos: { x, y } }) => `${x},${y}`)
    expect(new Set(cells).size).toBe(cells.length)
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  })
})

const run = (parameters: readonly string[], input = '') =>
  spawnSync('promtool', [...parameters], { encoding: 'utf8', input })
const noPromtool = run(['--version']).status === 0 ? undefined : 'promtool is not installed'

describeUnless(noPromtool, 'promtool', () => {
  it('loads the rules', () => {
    const { status, stdout, stderr } = run(['check', 'rules', fileOf(rules)])
    expect(status, stdout + stderr).toBe(0)
  })

  it('reads the metrics, and has nothing against our own', () => {
    const { stdout, stderr } = run(['check', 'metrics'], metrics)
    const complaints = (stdout + stderr).split('\n').filter(line => !/^nodejs_|^process_|^$/.test(line))
    expect(complaints).toEqual([])
  })

  it('reads every query of the dashboard', () => {
    const queries = targets().map(
      (expr, i) => `  - record: dashboard:panel${i}\n    expr: ${JSON.stringify(expr)}\n`,
    )
    const file = join(folder.path, 'dashboard.yaml')
    writeFileSync(file, `groups:\n- name: dashboard\n  rules:\n${queries.join('')}`)
    const { status, stdout, stderr } = run(['check', 'rules', file])
    expect(status, stdout + stderr).toBe(0)
  })
})

/** The queries of the dashboard, its variables filled in as Grafana does. */
const targets = (): readonly string[] =>
  [...textOf(dashboardFile).matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, text = '']) =>
    String(JSON.parse(text)).replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  )
