import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import path from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.map': 'application/json',
}

// 'unsafe-inline' for styles only: chart libraries set style attributes; scripts stay strict.
const policy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** Serves the console's build; a path without an extension is a page of the app and gets its index. */
export async function serveStatic(
  root: string,
  urlPath: string,
  response: ServerResponse,
): Promise<boolean> {
  const wanted = path.posix.normalize(urlPath)
  if (wanted.includes('\0') || wanted.split('/').includes('..')) return false
  const extension = path.posix.extname(wanted)
  const file = path.join(root, extension === '' ? 'index.html' : wanted)
  let content: Buffer
  try {
    content = await readFile(file)
  } catch {
    return false
  }
  const hashed = wanted.startsWith('/assets/')
  response.writeHead(200, {
    'content-type': types[path.extname(file)] ?? 'application/octet-stream',
    'content-length': content.length,
    'cache-control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  response.end(content)
  return true
}
