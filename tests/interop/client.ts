/**
 * gRPC interoperability client.
 *
 *     node tests/interop/client.ts --port N --case NAME [--case NAME...] [--transport ours|node|grpc-js]
 *       [--host H] [--tls [--ca FILE] [--server-name NAME]] [--soak_iterations=10 ...]
 *
 * Prints `ok NAME` or `not ok NAME: reason` per case; exits 1 when one failed. Soak flags are those of grpc-go's client.
 */
import { useSources } from '../../scripts/lib/use-sources.ts'

useSources()
await import('./client-program.ts')
