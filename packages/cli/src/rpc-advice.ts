import { TidemillError } from '@tidemill/core'
import { planTarget } from '@tidemill/rpc/bench'
import type { ServerConfig } from './rpc-target.ts'

/**
 * The same failure with what a person at a command line can do about it, when no connection came to be. Any other
 * error, and a status that the server itself sent, is returned as it is.
 */
export function adviseOn(error: unknown, config: ServerConfig): unknown {
  if (!TidemillError.is(error, 'TM_RPC_UNAVAILABLE') || error.details['outcome'] !== 'unsent')
    return error
  const { code, details, http, retryable } = error
  // OpenSSL's own place in its source tells nobody anything.
  const text = error.text.replaceAll(/[\dA-F]+:error:[\dA-F]+:(.*?):[^:\s]*\.c:\d+:\s*/gu, '$1')
  const hint = nextStep(text, config)
  return new TidemillError(code, text, { details, http, retryable, hint, cause: error.cause })
}

function nextStep(reason: string, config: ServerConfig): string {
  const { plaintext, host, port } = planTarget(config)
  if (/name resolution|ENOTFOUND|EAI_AGAIN/u.test(reason))
    return `Check the name of the host: ${host}.`
  if (!plaintext && /wrong version number|packet length too long|EPROTO/u.test(reason))
    return 'The server does not speak TLS there: add --insecure, or drop the TLS flags.'
  if (!plaintext && /certificate|altname|self.signed/iu.test(reason)) {
    return "Trust the server's authority with --cacert FILE, name what its certificate names with --cname NAME, or look away with --skipTLS."
  }
  if (plaintext && /closed the connection|ECONNRESET/u.test(reason))
    return 'If the server speaks TLS, add --cacert FILE (or --skipTLS for a try).'
  if (/:\d+$/u.test(config.host ?? '')) return `Check that a server listens at ${host}:${port}.`
  return `Without a port, ${port} is meant: write HOST:PORT.`
}
