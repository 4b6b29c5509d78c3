import {
  type Clock,
  type Closable,
  createCloseStack,
  type Logger,
  realClock,
  realRandom,
  silentLogger,
} from '@tidemill/core'
import type { Kv } from '@tidemill/kv'
import {
  type GatewayRuntime,
  openLocalRuntime,
  openPooledRuntime,
  type RuntimeOptions,
} from '../runtime/index.ts'
import { AlertIntake, type IntakeReport } from '../slo/index.ts'
import { type FileLoad, type FileSource, followFiles } from '../source/file-source.ts'
import { followKv, type KvSource } from '../source/kv-source.ts'
import { LastGood, readLastGood } from '../source/last-good.ts'
import type { AdminSlo } from './admin-options.ts'
import { type Admin, openAdmin } from './admin-server.ts'
import { KvObjects } from './kv-objects.ts'
import { HeldObjects, type LayerChange, ObjectLayers } from './object-layers.ts'

export interface GatewayServiceOptions extends RuntimeOptions {
  /** Worker processes; 0 (default) serves in this process. */
  readonly workers?: number
  /** Manifests: files or folders. */
  readonly files?: readonly string[]
  /** Follows changes of the files; default true. */
  readonly follow?: boolean
  /** Further objects are followed here, below `kvRoot`, and written here by the admin API. */
  readonly kv?: Kv
  readonly kvRoot?: string
  /** File that keeps what lies in kv, or without kv what the admin API wrote, for a start without it. */
  readonly lastGood?: string
  readonly backends?: Readonly<Record<string, readonly string[]>>
  /** Undefined: no admin API. */
  readonly admin?: {
    readonly listen?: { readonly address?: string; readonly port?: number }
    readonly token?: string
  }
  /** After each reading of the files that found a change. */
  readonly onFiles?: (load: FileLoad) => void
  /** After each batch that came into force. */
  readonly onChange?: (change: LayerChange) => void
  /** Instead of draining at once when the admin API is asked to. */
  readonly onDrain?: (graceMs: number, timeoutMs: number) => Promise<void>
}

/** A runtime with its sources and its admin API. */
export interface GatewayService extends Closable {
  readonly runtime: GatewayRuntime
  readonly admin: Admin | undefined
  /** What the newest reading of the files found. */
  readonly files: FileSource | undefined
  /** False while kv is away. */
  readonly sourceUp: boolean
}

const defaultKvRoot = '/tidemill/gw/v1'

/**
 * Opens a gateway with everything around it and resolves when what its sources hold is in force. Objects of files go
 * before those of kv or of the admin API. A socket that cannot be bound is told by `runtime.sockets()`.
 */
export async function openGatewayService(options: GatewayServiceOptions): Promise<GatewayService> {
  const { clock = realClock, random = realRandom, logger = silentLogger, lastGood, kv } = options
  const { workers = 0, files: paths = [], follow = true, kvRoot = defaultKvRoot } = options
  const stack = createCloseStack()
  try {
    const settings = runtimeOptions(options)
    const runtime = stack.add(
      workers > 0 ? await openPooledRuntime({ ...settings, workers }) : openLocalRuntime(settings),
    )
    await runtime.setBackends(options.backends ?? {})
    const layers = new ObjectLayers({
      apply: (changes, revision, snapshot) => runtime.apply(changes, revision, snapshot),
      now: () => clock.monotonic(),
      onApplied: (change) => options.onChange?.(change),
      onFailed: (error) => {
        logger.log('error', 'a change could not be brought into force', { error })
      },
    })
    let files: FileSource | undefined
    if (paths.length > 0) {
      files = await followFiles({
        paths,
        configuration: layers.layer(),
        clock,
        logger,
        follow,
        onLoaded: (load) => options.onFiles?.(load),
      })
      const source = files
      stack.defer(() => source.close())
    }
    let source: KvSource | undefined
    let objects: HeldObjects | KvObjects
    if (kv === undefined) {
      const held = new HeldObjects(layers, () => keeper?.changed())
      const kept = lastGood === undefined ? undefined : await readLastGood(lastGood, logger)
      if (kept !== undefined || paths.length === 0) {
        held.restore(kept ?? { revision: 0, objects: [] })
      }
      const keeper =
        lastGood === undefined
          ? undefined
          : new LastGood({ path: lastGood, clock, logger, take: () => held.snapshot() })
      if (keeper !== undefined) stack.defer(() => keeper.close())
      objects = held
    } else {
      source = await followKv({
        kv,
        root: kvRoot,
        configuration: layers.layer(),
        clock,
        random,
        logger,
        ...(lastGood === undefined ? {} : { lastGood }),
      })
      const followed = source
      stack.defer(() => followed.close())
      objects = new KvObjects({ kv, root: kvRoot, layers })
    }
    await layers.settled()
    const { admin: wanted, onDrain } = options
    const admin =
      wanted &&
      stack.add(
        await openAdmin({
          runtime,
          objects,
          clock,
          logger,
          ...wanted,
          slo: adminSlo(runtime, clock, logger),
          ...(onDrain === undefined ? {} : { onDrain }),
          ...(source === undefined ? {} : { sourceUp: () => source.up }),
          applySeconds: () => (layers.last === undefined ? undefined : layers.last.ms / 1000),
        }),
      )
    return {
      runtime,
      admin,
      files,
      get sourceUp() {
        return source?.up ?? true
      },
      close: () => stack.close(),
      [Symbol.asyncDispose]: () => stack.close(),
    }
  } catch (error) {
    await stack.close()
    throw error
  }
}

/** What of the options is the runtime's: they travel to workers as JSON. */
function runtimeOptions(options: GatewayServiceOptions): RuntimeOptions {
  const {
    workers: _workers,
    files: _files,
    follow: _follow,
    kv: _kv,
    kvRoot: _root,
    lastGood: _lastGood,
    backends: _backends,
    admin: _admin,
    onFiles: _onFiles,
    onChange: _onChange,
    onDrain: _onDrain,
    ...runtime
  } = options
  return runtime
}

/** Objectives and alerts as the admin API offers them. */
function adminSlo({ slo }: GatewayRuntime, clock: Clock, logger: Logger): AdminSlo {
  const intake = new AlertIntake({ engine: slo, clock })
  const told = ({ problems }: IntakeReport): void => {
    if (problems.length > 0) logger.log('warn', 'alerts were not accepted', { problems })
  }
  return {
    webhook: (body) => told(intake.webhook(body)),
    alerts: (body) => told(intake.alerts(body)),
    metrics: () => slo.metrics(),
    status: () => ({ objectives: slo.snapshot(), events: slo.events() }),
  }
}
