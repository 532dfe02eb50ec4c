import { createServer } from 'node:http'
import { maySeeMetrics, metricsAnswer } from './api/open/metrics.ts'
import type { Core } from './core.ts'
import { closeServer, listen, urlOf } from './listening.ts'

export interface MetricsListener {
  readonly url: string
  readonly close: () => Promise<void>
}

const headMilliseconds = 10_000

/**
 * A small server for a process that answers nothing else: `/metrics` for whom a hub would give them to, and `/livez`. Throws
 * a `StartFailure` where the port cannot be used.
 */
export const startMetricsListener = async (
  { config, metrics }: Pick<Core, 'config' | 'metrics'>,
  port: number,
): Promise<MetricsListener> => {
  const maySee = maySeeMetrics(config.metricsToken)
  const server = createServer({ headersTimeout: headMilliseconds }, async (request, response) => {
    const path = request.url?.split('?')[0]
    if (path === '/livez') return response.end('{"status":"live"}')
    if (!maySee(request)) return response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end()
    if (path !== '/metrics') return response.writeHead(404).end()
    const { status, headers, body } = await metricsAnswer(metrics)
    return response.writeHead(status, headers).end(body)
  })
  const bound = await listen(server, config.host, port, 'METRICS_PORT')
  return { url: `${urlOf('http', config.host, bound)}/metrics`, close: () => closeServer(server) }
}
