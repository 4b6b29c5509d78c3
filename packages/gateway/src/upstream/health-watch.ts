import type { PeerCertificate } from 'node:tls'
import type { ClientTls } from '@tidemill/rpc'
import {
  createHealthChecker,
  grpcProbe,
  type HealthChecker,
  type HealthCheckerPorts,
  httpProbe,
  type ProbeFactory,
  tcpProbe,
} from '../balance/index.ts'
import { type BackendTls, identityFault, secureContext, sniName } from './backend-tls.ts'
import type { ClusterConfig } from './cluster-spec.ts'

/** The active checks of a cluster; undefined when none are configured. */
export function watchHealth(
  config: ClusterConfig,
  ports: Omit<HealthCheckerPorts, 'probe'>,
): HealthChecker | undefined {
  const { healthCheck } = config
  if (healthCheck === undefined) return undefined
  return createHealthChecker(healthCheck, { ...ports, probe: probeOf(config, ports) })
}

function probeOf(config: ClusterConfig, ports: Omit<HealthCheckerPorts, 'probe'>): ProbeFactory {
  const { healthCheck, tls } = config
  if (healthCheck === undefined || healthCheck.type === 'tcp') return tcpProbe()
  if (healthCheck.type === 'grpc')
    return grpcProbe(healthCheck, tls === undefined ? {} : { tls: grpcTls(tls) })
  if (tls === undefined) return httpProbe(healthCheck, { clock: ports.clock })
  return httpProbe(healthCheck, {
    clock: ports.clock,
    tls: {
      secureContext: secureContext(tls),
      rejectUnauthorized: true,
      servername: sniName(tls),
      ALPNProtocols: ['http/1.1'],
      checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
        identityFault(tls, certificate),
    },
  })
}

function grpcTls(tls: BackendTls): ClientTls {
  const { ca, clientCert, serverName } = tls
  return { serverName, ...(ca.length === 0 ? {} : { ca: ca.join('\n') }), ...clientCert }
}
