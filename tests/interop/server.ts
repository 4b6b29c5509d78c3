/**
 * gRPC interoperability server: grpc.testing.TestService with every duty of the suite, and OpenRcaService.
 *
 *     node tests/interop/server.ts --port N [--transport ours|node|grpc-js] [--host H] [--tls [--cert FILE --key FILE]]
 */
import { useSources } from '../../scripts/lib/use-sources.ts'

useSources()
await import('./server-program.ts')
