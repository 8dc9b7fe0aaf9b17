/** The README's example of metrics, with the SDK that a user would have. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { installCache, uninstallCache } from '../lib/install.ts'
import { startOrigin } from './integration/origin.ts'

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
const example = [...readme.matchAll(/```ts\n(.*?)```/gs)]
  .map(([, code]) => code!)
  .find((code) => code.includes('@opentelemetry/api'))!

test('OpenTelemetry counts what the cache tells', async (t) => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })
  const provider = new MeterProvider({ readers: [reader] })
  metrics.setGlobalMeterProvider(provider)
  t.after(() => provider.shutdown())
  const origin = await startOrigin(t, (_, response) => response.end('hello'))
  const listeners: [string, (message: unknown) => void][] = []
  t.after(() => {
    for (const [channel, listener] of listeners) unsubscribe(channel, listener)
  })
  t.after(() => uninstallCache())

  const lines = example.split('\n').filter((line) => !line.startsWith('import'))
  const code = lines
    .join('\n')
    .replaceAll(' as CacheEvent', '')
    .replaceAll('https://example.com/', origin.url)
  const listen = (channel: string, listener: (message: unknown) => void): void => {
    listeners.push([channel, listener])
    subscribe(channel, listener)
  }
  const run = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor
  await run('metrics', 'subscribe', 'installCache', code)(metrics, listen, installCache)

  await reader.forceFlush()
  const [points] = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    .map(({ dataPoints }) => dataPoints)
  const host = new URL(origin.url).host
  assert.deepEqual(
    points!.map(({ attributes, value }) => [attributes, value]),
    [
      [{ outcome: 'miss', reason: 'uri-miss', 'server.address': host }, 1],
      [{ outcome: 'hit', reason: 'fresh', 'server.address': host }, 1],
    ],
  )
})
