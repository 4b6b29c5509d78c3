import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { createTestAuthority } from '../lib/certificates.ts'

test('a certificate is signed by its authority and names what was asked for', () => {
  const authority = createTestAuthority()
  const ca = new X509Certificate(authority.ca)
  const cert = new X509Certificate(
    authority.issue({ names: ['localhost', '127.0.0.1', '::1'] }).cert,
  )
  assert.equal(ca.ca, true)
  assert.equal(cert.ca, false)
  assert.equal(cert.verify(ca.publicKey), true)
  assert.equal(cert.checkHost('localhost'), 'localhost')
  assert.equal(cert.checkIP('127.0.0.1'), '127.0.0.1')
  assert.equal(cert.checkIP('::1'), '::1')
  assert.equal(cert.checkHost('example.com'), undefined)
  assert.ok(new Date(cert.validTo) > new Date())
})

test('an expired one has expired', () => {
  const { cert } = createTestAuthority().issue({ names: ['localhost'], expired: true })
  assert.ok(new Date(new X509Certificate(cert).validTo) < new Date())
})
