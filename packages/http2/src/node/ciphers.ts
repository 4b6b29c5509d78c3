/**
 * TLS 1.3, and of TLS 1.2 what RFC 9113 9.2.2 leaves: forward secrecy with authenticated encryption. Every HTTP/2 peer
 * has one of them, because it demands ECDHE-RSA-AES128-GCM-SHA256.
 */
export const h2Ciphers: string = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')
