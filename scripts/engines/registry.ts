import { caddy } from './caddy.ts'
import { chromium } from './chromium.ts'
import type { Engine } from './engine.ts'
import { envoy } from './envoy.ts'
import { etcd } from './etcd.ts'
import { ghz } from './ghz.ts'
import { grpc } from './grpc.ts'
import { grpcio } from './grpcio.ts'
import { h2load } from './h2load.ts'
import { h2spec } from './h2spec.ts'
import { mariadb } from './mariadb.ts'
import { nginx } from './nginx.ts'
import { peers } from './peers.ts'
import { postgres } from './postgres.ts'
import { prometheus } from './prometheus.ts'
import { wrk } from './wrk.ts'

export const engines = {
  caddy,
  chromium,
  envoy,
  etcd,
  ghz,
  grpc,
  grpcio,
  h2load,
  h2spec,
  mariadb,
  nginx,
  peers,
  postgres,
  prometheus,
  wrk,
} satisfies Readonly<Record<string, Engine>>

export type EngineName = keyof typeof engines
